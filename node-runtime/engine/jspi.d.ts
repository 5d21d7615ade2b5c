/** JavaScript Promise Integration: https://webassembly.github.io/js-promise-integration/js-api/ */
declare namespace WebAssembly {
  /** Wraps an import that returns a promise: the guest is suspended until it settles. */
  class Suspending {
    constructor(implementation: (...args: never[]) => unknown);
  }

  /** Wraps an export so that it returns a promise and may be suspended. */
  function promising(exported: unknown): (...args: unknown[]) => Promise<unknown>;
}
