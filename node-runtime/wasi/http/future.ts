import { Notifier } from "../io/notifier.ts";
import { Pollable } from "../io/pollable.ts";
import type { Scope } from "../scope.ts";
import { errorCodeOf, type ErrorCode } from "./error-code.ts";

/** The WIT `result<T, error-code>` as a value. */
export type HttpResult<T> = { tag: "ok"; val: T } | { tag: "err"; val: ErrorCode };

/** What the `get` of a WIT future returns once: the outer error says that it was taken before. */
export type FutureResult<T> = { tag: "ok"; val: HttpResult<T> } | { tag: "err"; val: undefined };

/** The promise behind a `future-…` resource: pollable, and its value can be taken once. */
export class Future<T> {
  readonly #scope: Scope;
  readonly #settled = new Notifier();
  #result: HttpResult<T> | undefined;
  #taken = false;

  constructor(scope: Scope, promise: Promise<T>) {
    this.#scope = scope;
    promise.then(
      (val) => this.#settle({ tag: "ok", val }),
      (reason: unknown) => this.#settle({ tag: "err", val: errorCodeOf(reason) }),
    );
  }

  /** True once the value was handed out. */
  get taken(): boolean {
    return this.#taken;
  }

  /** True once there is a value or an error. */
  get settled(): boolean {
    return this.#result !== undefined;
  }

  /** A pollable that is ready once there is a value or an error. */
  subscribe(): Pollable {
    return new Pollable(this.#scope, {
      ready: () => this.#result !== undefined,
      subscribe: (wake) => this.#settled.subscribe(wake),
    });
  }

  /** Returns undefined while pending, the result once, an error ever after. */
  get(): FutureResult<T> | undefined {
    if (this.#result === undefined) return undefined;
    if (this.#taken) return { tag: "err", val: undefined };
    this.#taken = true;
    return { tag: "ok", val: this.#result };
  }

  #settle(result: HttpResult<T>): void {
    this.#result = result;
    this.#settled.notify();
  }
}
