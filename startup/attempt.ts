import { messageOf } from "../common/errors.ts";
import type { Missing } from "./measure.ts";

/** Does something with one contender. Where that fails, it resolves to undefined, and what is left out is noted. */
export type Attempt = <Result>(contender: string, work: () => Promise<Result>) => Promise<Result | undefined>;

/** Returns how to try things for one part of a comparison. Throws the signal's reason once that is aborted. */
export function attemptFor(part: Missing["part"] & string, missing: Missing[], signal: AbortSignal): Attempt {
  return async (contender, work) => {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (thrown) {
      signal.throwIfAborted();
      missing.push({ contender, part, why: messageOf(thrown) });
      return undefined;
    }
  };
}
