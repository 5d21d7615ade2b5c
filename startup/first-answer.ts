import { setTimeout as delay } from "node:timers/promises";
import { AnswerTooLong, HttpConnection, UnexpectedAnswer } from "./http-connection.ts";

/** Between two tries while nothing listens yet: what a start may be measured too long. */
const RETRY_MS = 1;
const LIMIT_MS = 120_000;
/** Something that answers otherwise for so long will not answer with 200. */
const REFUSED_LIMIT_MS = 5000;

/** When a program was reached, on the clock of `performance.now()`. */
export interface FirstAnswer {
  /** When the connection was there over which it answered. */
  connectedMs: number;
  answeredMs: number;
}

/**
 * Asks again and again until the program answers a GET with 200. Throws what went wrong last after two minutes, the signal's
 * reason once it is aborted, or what `hasFailed` returns: the start is then known to have failed.
 */
export async function awaitAnswer(
  url: string,
  signal?: AbortSignal,
  hasFailed: () => Error | undefined = () => undefined,
): Promise<FirstAnswer> {
  const deadlineMs = performance.now() + LIMIT_MS;
  let refusedMs: number | undefined;
  for (;;) {
    try {
      const connection = await HttpConnection.open(url, signal);
      const connectedMs = performance.now();
      await connection.get().finally(() => connection.close());
      return { connectedMs, answeredMs: performance.now() };
    } catch (thrown) {
      signal?.throwIfAborted();
      // The program is there: asking again would get the same.
      if (thrown instanceof AnswerTooLong) throw thrown;
      if (thrown instanceof UnexpectedAnswer) {
        refusedMs ??= performance.now();
        if (performance.now() - refusedMs > REFUSED_LIMIT_MS) throw thrown;
      } else refusedMs = undefined;
      const failure = hasFailed();
      if (failure !== undefined) throw failure;
      if (performance.now() > deadlineMs)
        throw new Error(`no answer from ${url} within ${LIMIT_MS / 1000} s`, { cause: thrown });
    }
    await delay(RETRY_MS);
  }
}
