import { EpochSlots } from "./epoch-slots.ts";

/**
 * The words that rewritten guests check at every function and loop (prepare/rewrite): when its word is not 0, the guest
 * that runs traps. One memory for the process. Its first word is that of the guest whose turn it is (cell/turn-record.ts),
 * as one guest runs at a time.
 */
export const EPOCH_MEMORY = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });

/** Words of their own, for guests whose engine cannot tell when their turn is. */
export const EPOCH_SLOTS = new EpochSlots(EPOCH_MEMORY.buffer as unknown as SharedArrayBuffer);
