import { fileURLToPath } from "node:url";

/** How a guest's source becomes its `.wasm`. */
export type Recipe =
  | {
      tool: "cargo";
      target: `wasm32-${"wasip1" | "wasip2" | "unknown-unknown"}` | `${"x86_64" | "aarch64"}-unknown-linux-musl`;
      /** Cargo's file name, without `.wasm`. */
      artifact: string;
      /** Whether the result is a core module with its world inside, still to become a component. */
      componentize: boolean;
    }
  | { tool: "go" }
  | { tool: "clang"; files: readonly string[]; reactor: boolean; componentize: boolean };

/** A guest whose `.wasm` is committed; both paths are relative to the repository. */
export interface Guest {
  name: string;
  source: string;
  wasm: string;
  recipe: Recipe;
}

/** The repository's folder, with a slash at its end. */
export const REPOSITORY = fileURLToPath(new URL("../", import.meta.url));

/** The JavaScript guest: too large to commit, so `build-js.ts` builds it on demand. */
export const JS_GUEST = {
  name: "hello-js",
  source: "examples/hello-js/guest/hello.js",
  wasm: "examples/hello-js/hello-js.wasm",
} as const;

/** Every committed guest. */
export const GUESTS: readonly Guest[] = [
  example("hello-rust", rustComponent("hello_rust")),
  example("caller-rust", rustComponent("caller_rust")),
  example("image-rust", rustComponent("image_rust")),
  example("hello-c", {
    tool: "clang",
    files: ["main.c", "bindings/hello.c", "bindings/hello_component_type.o"],
    reactor: true,
    componentize: true,
  }),
  example("tour-go", { tool: "go" }),
  testGuest("probe", "probe", rustComponent("probe")),
  testGuest("variables", "variables", rustComponent("variables")),
  testGuest("command", "command", rustComponent("command")),
  testGuest("command-p1", "command", {
    tool: "cargo",
    target: "wasm32-wasip1",
    artifact: "command",
    componentize: false,
  }),
  testGuest("command-c-p1", "command-c-p1", { tool: "clang", files: ["main.c"], reactor: false, componentize: false }),
  testGuest("probe-p3", "probe-p3", rustWithoutWasi("probe_p3")),
  testGuest("command-p3", "command-p3", rustWithoutWasi("command_p3")),
  testGuest("mixed-p3", "mixed-p3", rustComponent("mixed_p3")),
  startupProgram("program.wasm", "wasm32-wasip2", "startup_component"),
  startupProgram("program-amd64", "x86_64-unknown-linux-musl", "startup-program"),
  startupProgram("program-arm64", "aarch64-unknown-linux-musl", "startup-program"),
];

function example(name: string, recipe: Recipe): Guest {
  return { name, source: `examples/${name}/guest`, wasm: `examples/${name}/${name}.wasm`, recipe };
}

function testGuest(name: string, folder: string, recipe: Recipe): Guest {
  return { name, source: `test/guests/${folder}`, wasm: `test/guests/${name}.wasm`, recipe };
}

/** What `wasmlet bench startup` starts: one source, as a component and as static binaries. */
function startupProgram(file: string, target: Extract<Recipe, { tool: "cargo" }>["target"], artifact: string): Guest {
  const recipe = { tool: "cargo", target, artifact, componentize: false } as const;
  return { name: `startup-${file}`, source: "startup/program", wasm: `startup/${file}`, recipe };
}

function rustComponent(artifact: string): Recipe {
  return { tool: "cargo", target: "wasm32-wasip2", artifact, componentize: false };
}

/** For WASI 0.3: a standard library without WASI keeps the 0.2 imports of `wasm32-wasip2` out of the component. */
function rustWithoutWasi(artifact: string): Recipe {
  return { tool: "cargo", target: "wasm32-unknown-unknown", artifact, componentize: true };
}
