/**
 * The word that rewritten guests check at every function and loop (prepare/rewrite): when it is not 0, the guest that
 * runs traps. One for the process, as one guest runs at a time. Guests see its
 * first word; behind it lies what the cell's watchdog goes by (cell/turn-record.ts).
 */
export const EPOCH_MEMORY = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
