/**
 * The error half of a WIT `result<T, E>` of one host call. The engine lifts `payload` into the guest; any other thrown
 * value is a trap.
 */
export class WasiError<E = unknown> extends Error {
  override readonly name = "WasiError";
  readonly payload: E;

  constructor(payload: E) {
    const tag: unknown = (payload as { tag?: unknown } | null | undefined)?.tag ?? payload;
    super(`WASI error ${String(tag)}`);
    this.payload = payload;
  }
}

/** Thrown into a suspended guest whose host was closed: a deadline, an abort, a drain. It traps the guest. */
export class HostClosedError extends Error {
  override readonly name = "HostClosedError";
}

/** Thrown through the guest by `wasi:cli/exit` and preview 1's `proc_exit`: ends the program with `code`. */
export class GuestExit extends Error {
  override readonly name = "GuestExit";
  readonly code: number;

  constructor(code: number) {
    super(`guest exited with code ${code}`);
    this.code = code;
  }
}
