import type { FunctionType, ValueType } from "../../artifacts/binding-plan.ts";
import { AbiTrap } from "./abi-trap.ts";
import { FlatCodec } from "./flat-codec.ts";
import type { GuestMemory } from "./guest-memory.ts";
import { MAX_FLAT_PARAMS, MAX_FLAT_RESULTS } from "./layout.ts";
import type { MemoryCodec } from "./memory-codec.ts";
import type { CoreValue } from "./scalars.ts";

/** The core functions of one lifted export in one instance. */
export interface CoreExport {
  /** Returns a promise when the export may wait. */
  run: (...flat: CoreValue[]) => unknown;
  /** Whether its guest can be suspended: it runs on a stack of its own. */
  mayWait: boolean;
  postReturn: ((...flat: CoreValue[]) => unknown) | undefined;
}

/** Calls an export with values; a `result` is returned as `{ tag, val }`. Rejects when the guest traps. */
export type ExportCall = (memory: GuestMemory, core: CoreExport, args: readonly unknown[]) => Promise<unknown>;

/** Works a lifted export out: lower the arguments, run the guest, lift what it returns, let it tidy up. */
export function makeExportCall(codec: MemoryCodec, { params, result }: FunctionType): ExportCall {
  const lower = lowerArguments(
    codec,
    params.map(({ type }) => type),
  );
  const lift = liftResult(codec, result);
  return async (memory, { run, mayWait, postReturn }, args) => {
    const { guest } = memory;
    guest.enterCall(mayWait);
    let value: unknown;
    try {
      memory.sync();
      const core = (await run(...lower(memory, args))) as CoreValue | undefined;
      guest.resume(); // other guests may have run since this one returned
      memory.beginCall();
      value = lift(memory, core);
      if (postReturn !== undefined) guest.withoutLeaving(() => postReturn(...(core === undefined ? [] : [core])));
    } catch (thrown) {
      throw guest.trapped(thrown);
    } finally {
      guest.leaveCall();
    }
    return value;
  };
}

function lowerArguments(
  codec: MemoryCodec,
  types: readonly ValueType[],
): (memory: GuestMemory, args: readonly unknown[]) => CoreValue[] {
  const passed = types.flatMap((type) => codec.layouts.of(type).flat);
  if (passed.length > MAX_FLAT_PARAMS) {
    const { size, alignment } = codec.layouts.record(types);
    const store = codec.storeMembers(types);
    return (memory, args) => {
      const pointer = memory.allocate(size, alignment);
      store(memory, pointer, args);
      return [pointer];
    };
  }
  const lowers = new FlatCodec(codec, passed).lowerMembers(types, 0);
  return (memory, args) => {
    const flat: CoreValue[] = [];
    lowers.forEach((lower, index) => lower(memory, flat, args[index] as never));
    return flat;
  };
}

/** What does not fit into one core value lies where the returned pointer points. */
function liftResult(
  codec: MemoryCodec,
  type: ValueType | undefined,
): (memory: GuestMemory, core: CoreValue | undefined) => unknown {
  if (type === undefined) return () => undefined;
  const { flat, size, alignment } = codec.layouts.of(type);
  if (flat.length <= MAX_FLAT_RESULTS) {
    const lift = new FlatCodec(codec, flat).lift(type, 0);
    return (memory, core) => {
      if (core === undefined) throw new AbiTrap("the guest returned nothing where a value is due");
      return lift(memory, [core]);
    };
  }
  const load = codec.load(type);
  return (memory, core) => load(memory, memory.range(core as number, size, alignment));
}
