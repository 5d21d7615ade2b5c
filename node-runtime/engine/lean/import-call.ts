import type { FunctionType, ValueType } from "../../artifacts/binding-plan.ts";
import { WasiError } from "../../wasi/errors.ts";
import { FlatCodec } from "./flat-codec.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { HostFunction } from "./host-function.ts";
import { type CoreType, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS } from "./layout.ts";
import { suspendDuring } from "../suspension.ts";
import type { MemoryCodec } from "./memory-codec.ts";
import type { CoreValue } from "./scalars.ts";
import type { Tagged } from "./type-shapes.ts";

/** Serves one call of the guest's; returns a promise where the host must wait, which suspends the guest. */
export type ImportCall = (memory: GuestMemory, flat: readonly CoreValue[]) => unknown;

type LiftArguments = (memory: GuestMemory, flat: readonly CoreValue[]) => unknown[];
type LowerResult = (memory: GuestMemory, flat: readonly CoreValue[], result: unknown) => CoreValue | undefined;

/**
 * Works a lowered import out: lift the arguments, call the host, lower what it returns. A WasiError is the error of a
 * function that returns a `result`; whatever else is thrown traps the guest.
 */
export function makeImportCall(codec: MemoryCodec, { params, result }: FunctionType, host: HostFunction): ImportCall {
  const types = params.map(({ type }) => type);
  const flat = types.flatMap((type) => codec.layouts.of(type).flat);
  const lift = liftArguments(codec, types, flat);
  const lower = lowerResult(codec, result, flat.length > MAX_FLAT_PARAMS ? 1 : flat.length);
  const definition = typeof result === "number" ? codec.definition(result) : undefined;
  const isFallible = definition?.kind === "result";

  const finish = (memory: GuestMemory, flat: readonly CoreValue[], value: unknown): CoreValue | undefined => {
    memory.guest.handles.returnLent();
    memory.sync();
    return lower(memory, flat, isFallible ? { tag: "ok", val: value } : value);
  };
  const fail = (memory: GuestMemory, flat: readonly CoreValue[], thrown: unknown): CoreValue | undefined => {
    if (!isFallible || !(thrown instanceof WasiError)) throw memory.guest.trapped(thrown);
    memory.guest.handles.returnLent();
    memory.sync();
    return lower(memory, flat, { tag: "err", val: thrown.payload } satisfies Tagged);
  };
  const settle = async (
    memory: GuestMemory,
    flat: readonly CoreValue[],
    promise: Promise<unknown>,
  ): Promise<unknown> => {
    const { guest } = memory;
    let value: unknown;
    try {
      value = await promise;
    } catch (thrown) {
      guest.resume(); // lowering may run the guest's allocator
      return trapping(memory, () => fail(memory, flat, thrown));
    }
    guest.resume();
    return trapping(memory, () => finish(memory, flat, value));
  };

  return (memory, flat) => {
    const { guest } = memory;
    guest.assertMayLeave();
    try {
      memory.beginCall();
      const args = lift(memory, flat);
      let value: unknown;
      try {
        value = host(guest.host.imports, args);
      } catch (thrown) {
        return fail(memory, flat, thrown);
      }
      if (!(value instanceof Promise)) return finish(memory, flat, value);
      return suspendDuring(guest, settle(memory, flat, value));
    } catch (thrown) {
      throw guest.trapped(thrown);
    }
  };
}

/** Whatever is thrown while a guest is served traps it for good. */
function trapping<T>(memory: GuestMemory, run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    throw memory.guest.trapped(thrown);
  }
}

function liftArguments(codec: MemoryCodec, types: readonly ValueType[], flat: readonly CoreType[]): LiftArguments {
  if (flat.length > MAX_FLAT_PARAMS) {
    const { size, alignment } = codec.layouts.record(types);
    const load = codec.loadMembers(types);
    return (memory, [pointer]) => load(memory, memory.range(pointer as number, size, alignment));
  }
  const lifts = new FlatCodec(codec, flat).liftMembers(types, 0);
  return (memory, flat) => {
    const args: unknown[] = [];
    for (const lift of lifts) args.push(lift(memory, flat));
    return args;
  };
}

/** What does not fit into one core value goes where the guest's last parameter points. */
function lowerResult(codec: MemoryCodec, type: ValueType | undefined, returnPointerAt: number): LowerResult {
  if (type === undefined) return () => undefined;
  const { flat: passed, size, alignment } = codec.layouts.of(type);
  if (passed.length <= MAX_FLAT_RESULTS) {
    const lower = new FlatCodec(codec, passed).lower(type, 0);
    return (memory, _, value) => {
      const flat: CoreValue[] = [];
      lower(memory, flat, value as never);
      return flat[0];
    };
  }
  const store = codec.store(type);
  return (memory, flat, value) => {
    store(memory, memory.writableRange(flat[returnPointerAt] as number, size, alignment), value as never);
    return undefined;
  };
}
