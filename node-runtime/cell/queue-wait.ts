import type { ServerResponse } from "node:http";
import { WasmletError } from "../../common/errors.ts";

/** Why a request left the queue whose client is gone: nobody is there to be told. */
export const CLIENT_LEFT = new Error("the client went away");

/** How long one request waits for an instance: until its deadline, or until its client leaves. */
export class QueueWait {
  readonly #response: ServerResponse;
  readonly #deadlineMs: number;
  readonly #onTimeout: () => void;
  #timer: NodeJS.Timeout | undefined;
  #undo: (() => void) | undefined;

  /** `deadlineMs` is of `performance.now()`; `onTimeout` is called when it passes. */
  constructor(response: ServerResponse, deadlineMs: number, onTimeout: () => void) {
    this.#response = response;
    this.#deadlineMs = deadlineMs;
    this.#onTimeout = onTimeout;
  }

  /** Begins to wait: the signal aborts with REQUEST_OVERLOADED at the deadline, with CLIENT_LEFT when the client leaves. */
  signal(): AbortSignal {
    const controller = new AbortController();
    const leave = (): void => controller.abort(CLIENT_LEFT);
    const expire = (): void => {
      this.#onTimeout();
      controller.abort(
        new WasmletError("REQUEST_OVERLOADED", "no instance of the app was free within limits.requestTimeoutSeconds"),
      );
    };
    if (this.#response.destroyed) leave();
    this.#response.once("close", leave);
    this.#undo = () => this.#response.off("close", leave);
    const leftMs = this.#deadlineMs - performance.now();
    if (leftMs <= 0) expire();
    // Longer delays than Node.js knows would fire at once.
    else this.#timer = setTimeout(expire, Math.min(leftMs, 2 ** 31 - 1));
    return controller.signal;
  }

  /** The wait is over. */
  end(): void {
    clearTimeout(this.#timer);
    this.#undo?.();
  }
}
