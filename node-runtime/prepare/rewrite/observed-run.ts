import { messageOf } from "../../../common/errors.ts";
import { CHECK } from "../../engine/pause.ts";
import { WRITES_MEMORY } from "../../engine/write-marks.ts";
import type { Calls } from "./generated-module.ts";
import { rewriteModule, type RewriteOptions, type Rewritten } from "./rewrite.ts";

/** Fixtures of the rewriting's tests: modules are instantiated as the engine will, and all that can be seen is noted. */

/** Enough for every call of a generated module to end by itself in reasonable time. */
const FUEL = 200;

/** Rewrites a module that must not be routed. */
export function rewritten(bytes: Uint8Array, options: RewriteOptions = { maxMemoryPages: 16 }): Rewritten {
  const result = rewriteModule(bytes, options);
  if ("routed" in result) throw new Error(`routed: ${result.routed}`);
  return result;
}

/** An epoch at which nothing is to be stopped, or a given one. */
export function makeEpoch(value = 0): WebAssembly.Memory {
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  new Int32Array(epoch.buffer)[0] = value;
  return epoch;
}

/** An instance and the memory that it got. */
export interface Made {
  exports: Record<string, WebAssembly.ExportValue>;
  memory: WebAssembly.Memory | undefined;
}

/** Where the epoch word of instances lies that check one of their own. */
export const OWN_EPOCH_WORD = 64;

/** Makes an instance of a rewritten module. */
export function instantiate(
  module: Rewritten,
  {
    imports = {},
    epoch = makeEpoch(),
    pages = module.memory?.minPages ?? 0,
  }: { imports?: WebAssembly.Imports; epoch?: WebAssembly.Memory; pages?: number } = {},
): Made {
  const memory = module.memory && new WebAssembly.Memory({ initial: pages, maximum: module.memory.maxPages });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes), {
    ...imports,
    wasmlet: { epoch, memory, writes: WRITES_MEMORY },
  });
  if (module.pause) (exports[module.pause] as WebAssembly.Global).value = CHECK;
  if (module.epochAddress) (exports[module.epochAddress] as WebAssembly.Global).value = OWN_EPOCH_WORD;
  return { exports, memory };
}

/** All that can be seen of a generated module's run, one entry a call and the state at the end. */
export type Observation = unknown[];

/** Calls the functions of a generated module's instance and returns what can be seen. */
export function observe(
  exports: Made["exports"],
  calls: Calls,
  log: number[],
  beforeCall: () => void = () => {},
): Observation {
  const seen: Observation = calls.map(({ target, values }) => {
    beforeCall();
    (exports["g3"] as WebAssembly.Global).value = FUEL;
    const call = exports[`f${target}`] as ((...values: unknown[]) => unknown) | undefined;
    try {
      return call?.(...values);
    } catch (thrown) {
      return messageOf(thrown);
    }
  });
  const table = exports["table"] as WebAssembly.Table | undefined;
  const memory = exports["memory"] as WebAssembly.Memory;
  const globals = [0, 1, 2, 3].map((index) => (exports[`g${index}`] as WebAssembly.Global).value);
  const slots = Array.from({ length: table?.length ?? 0 }, (_, index) => (table!.get(index) as Function | null)?.name);
  seen.push(globals, slots, log.slice(), memory.buffer.byteLength, Buffer.from(memory.buffer).toString("latin1"));
  return seen;
}
