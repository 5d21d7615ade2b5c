import { WasiError } from "../errors.ts";

/** The WIT `result<T, E>` as a value: what futures and returned results carry. */
export type Result<T, E> = { tag: "ok"; val: T } | { tag: "err"; val: E };

/**
 * Returns the `result` that a promise comes to. What `toError` does not know (throws again) stays a rejection: a trap of
 * the guest that reads it. One that nobody reads, as when the guest's host was closed meanwhile, troubles nobody.
 */
export function resultOf<T, E>(promise: Promise<T>, toError: (thrown: unknown) => E): Promise<Result<T, E>> {
  const result = settle(promise, toError);
  result.catch(() => {}); // unhandled, it would end the cell and every guest in it
  return result;
}

async function settle<T, E>(promise: Promise<T>, toError: (thrown: unknown) => E): Promise<Result<T, E>> {
  try {
    return { tag: "ok", val: await promise };
  } catch (thrown) {
    return { tag: "err", val: toError(thrown) };
  }
}

/** Makes a WASI 0.3 error of a WASI 0.2 one. */
type Convert = (payload: never) => unknown;

/** Returns what `operation` returns; a WASI 0.2 error is thrown as the WASI 0.3 error that `convert` makes of it. */
export function converting<T>(convert: Convert, operation: () => T): T {
  try {
    return operation();
  } catch (thrown) {
    throw converted(convert, thrown);
  }
}

/** Like `converting`, for an operation that waits. */
export async function convertingAsync<T>(convert: Convert, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (thrown) {
    throw converted(convert, thrown);
  }
}

function converted(convert: Convert, thrown: unknown): unknown {
  return thrown instanceof WasiError ? new WasiError(convert(thrown.payload as never)) : thrown;
}
