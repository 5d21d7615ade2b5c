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
    name: "run",
    summary: "Run a WebAssembly command with the caller's streams",
    load: async () => (await import("./commands/run.ts")).defineRun,
  },
  {
    name: "inspect",
    summary: "Show what a .wasm file is, imports and exports",
    load: async () => (await import("./commands/inspect.ts")).defineInspect,
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
    name: "demo",
    summary: "Serve the examples and show how to use them",
    load: async () => (await import("./commands/demo.ts")).defineDemo,
  },
];
