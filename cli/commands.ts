import type { DefineCommand } from "./command-context.ts";

/** A command as the list of commands shows it, and how the rest of it is loaded. */
export interface CommandEntry {
  name: string;
  summary: string;
  load: () => Promise<DefineCommand>;
}

/** Every command, in the order that help shows. Loaded one by one, so that each starts fast. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "serve",
    summary: "Serve the WasmApps of a folder",
    load: async () => (await import("./commands/serve.ts")).defineServe,
  },
  {
    name: "node",
    summary: "Run the WasmApps that a cluster places on this node",
    load: async () => (await import("./commands/node.ts")).defineNode,
  },
  {
    name: "operator",
    summary: "Run the controllers of a cluster",
    load: async () => (await import("./commands/operator.ts")).defineOperator,
  },
  {
    name: "startup-probe",
    summary: "Run a StartupBenchmark of a cluster",
    load: async () => (await import("./commands/startup-probe.ts")).defineStartupProbe,
  },
  {
    name: "run",
    summary: "Run a command, from a file or a registry, with the caller's streams",
    load: async () => (await import("./commands/run.ts")).defineRun,
  },
  {
    name: "inspect",
    summary: "Show what a .wasm file or an artifact in a registry is",
    load: async () => (await import("./commands/inspect.ts")).defineInspect,
  },
  {
    name: "pull",
    summary: "Fetch an artifact from a registry and keep it",
    load: async () => (await import("./commands/pull.ts")).definePull,
  },
  {
    name: "push",
    summary: "Push a .wasm file to a registry",
    load: async () => (await import("./commands/push.ts")).definePush,
  },
  {
    name: "login",
    summary: "Keep credentials for a registry",
    load: async () => (await import("./commands/login.ts")).defineLogin,
  },
  {
    name: "logout",
    summary: "Forget the credentials for a registry",
    load: async () => (await import("./commands/logout.ts")).defineLogout,
  },
  {
    name: "validate",
    summary: "Check manifests without running them",
    load: async () => (await import("./commands/validate.ts")).defineValidate,
  },
  {
    name: "get",
    summary: "List the apps of a running node runtime",
    load: async () => (await import("./commands/get.ts")).defineGet,
  },
  {
    name: "bench",
    summary: "Compare how Wasm, containers and virtual machines start",
    load: async () => (await import("./commands/bench.ts")).defineBench,
  },
  {
    name: "demo",
    summary: "Serve the examples and show how to use them",
    load: async () => (await import("./commands/demo.ts")).defineDemo,
  },
];
