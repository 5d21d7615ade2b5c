import type { Driver } from "./driver.ts";
import { openContainerd } from "./drivers/containerd.ts";
import { openMicroVm } from "./drivers/microvm.ts";
import { openOciRuntime } from "./drivers/oci-runtime.ts";
import { openProcess } from "./drivers/process.ts";
import { WasmHost } from "./drivers/wasm-host.ts";
import { openWasm } from "./drivers/wasm.ts";

/** What drivers need of the machine and of each other. */
export class StartupContext implements AsyncDisposable {
  /** Folders below which a kernel for virtual machines may be. */
  readonly kernelRoots: readonly string[];
  /** Folders in which programs are looked for, as PATH has them. */
  readonly searchPath: string;
  #wasmHost: Promise<WasmHost> | undefined;

  constructor({ kernelRoots, searchPath }: Pick<StartupContext, "kernelRoots" | "searchPath">) {
    this.kernelRoots = kernelRoots;
    this.searchPath = searchPath;
  }

  /** Returns the node runtime that all ways of starting the component share. */
  wasmHost(): Promise<WasmHost> {
    this.#wasmHost ??= WasmHost.start();
    return this.#wasmHost;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#wasmHost)?.stop();
  }
}

/** Everything that can be compared, by its name; opening it throws Unavailable where it cannot be started here. */
export const TECHNOLOGIES = {
  "wasm-wake": async (context) => openWasm("wasm-wake", await context.wasmHost()),
  "wasm-new": async (context) => openWasm("wasm-new", await context.wasmHost()),
  "wasm-artifact": async (context) => openWasm("wasm-artifact", await context.wasmHost()),
  process: () => openProcess(),
  crun: ({ searchPath }) => openOciRuntime("crun", searchPath),
  runc: ({ searchPath }) => openOciRuntime("runc", searchPath),
  containerd: ({ searchPath }) => openContainerd(searchPath),
  microvm: ({ kernelRoots, searchPath }) => openMicroVm(kernelRoots, searchPath),
} as const satisfies Record<string, (context: StartupContext) => Promise<Driver>>;

export type TechnologyName = keyof typeof TECHNOLOGIES;
