import { HostClosedError } from "./errors.ts";

/** Something a scope must end when it closes: a socket, a descriptor, a timer. */
type Closer = () => void;

/**
 * What one instance's host has open. Closing it ends every resource and rejects every wait, so that a suspended guest
 * unwinds instead of lingering. The number of open resources is bounded.
 */
export class Scope {
  readonly #closers = new Set<Closer>();
  readonly #maxOpen: number;
  #breaths = 0;
  #isClosed = false;
  #closedBecause = "";
  /** Made when it is first needed: most scopes close with nobody waiting. */
  #error: Error | undefined;
  /** Called when a wait of the host's begins and when it ends, for an engine that cannot see it otherwise. */
  onWait: (() => void) | undefined;
  onWake: (() => void) | undefined;

  constructor(maxOpen = 1024) {
    this.#maxOpen = maxOpen;
  }

  /** True once `close` was called. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /** True while another resource may be opened. */
  get hasRoom(): boolean {
    return this.#closers.size < this.#maxOpen;
  }

  /** Calls `closer` when the scope closes; returns a function that forgets it. Runs it at once on a closed scope. */
  defer(closer: Closer): () => void {
    if (this.closed) {
      closer();
      return () => {};
    }
    this.#closers.add(closer);
    return () => this.#closers.delete(closer);
  }

  /**
   * Resolves when `subscribe`'s callback is called, rejects with HostClosedError when the scope closes first.
   * `subscribe` returns its own undoing, which is called in both cases.
   */
  wait(subscribe: (wake: () => void) => () => void): Promise<void> {
    if (this.#isClosed) return Promise.reject(this.#reason());
    this.onWait?.();
    return new Promise((resolve, reject) => {
      let unsubscribe: (() => void) | undefined;
      const forget = this.defer(() => {
        unsubscribe?.();
        this.onWake?.();
        reject(this.#reason());
      });
      let woken = false;
      unsubscribe = subscribe(() => {
        if (woken) return;
        woken = true;
        forget();
        unsubscribe?.();
        this.onWake?.();
        // A resource that is closed with the scope may wake its waiters first: they unwind all the same.
        if (this.#isClosed) reject(this.#reason());
        else resolve();
      });
      // Subscribed to something already ready: undo what the callback could not undo yet.
      if (woken) unsubscribe();
    });
  }

  /** Resolves or rejects as `promise` does, or rejects when the scope closes first. */
  async race<T>(promise: Promise<T>): Promise<T> {
    await this.wait((wake) => {
      promise.then(wake, wake);
      return () => {};
    });
    return promise;
  }

  /**
   * Resolves or rejects as a call into the guest does, or rejects when the scope closes or the guest traps in a wait.
   * Unlike `race` it is no wait of the guest's.
   */
  async guard<T>(call: Promise<T>): Promise<T> {
    const { promise: closed, reject } = Promise.withResolvers<never>();
    const forget = this.defer(() => reject(this.#reason()));
    try {
      return await Promise.race([call, closed]);
    } finally {
      forget();
    }
  }

  /**
   * Returns the error to throw from a waiting function whose caller broke a rule, after ending the guest with it: not
   * every engine passes a rejected wait on.
   */
  trap(message: string): Error {
    const error = new Error(message);
    this.fail(error);
    return error;
  }

  /** Ends everything with the guest's own failure, which all that waits rejects with; later calls do nothing. */
  fail(reason: unknown): void {
    if (this.#isClosed) return;
    this.#error = reason instanceof Error ? reason : new Error(String(reason));
    this.#end();
  }

  /**
   * Resolves after a turn of the event loop at every 16th call: a guest that asks in a loop for what is ready at once
   * would otherwise never let its neighbours, or its own input, have the thread.
   */
  async breathe(): Promise<void> {
    if (++this.#breaths % 16 === 0) await this.wait((wake) => clearImmediate.bind(undefined, setImmediate(wake)));
  }

  /** Ends everything; later calls do nothing. */
  close(why = "the host was closed"): void {
    if (this.#isClosed) return;
    this.#closedBecause = why;
    this.#end();
  }

  #end(): void {
    this.#isClosed = true;
    const closers = [...this.#closers];
    this.#closers.clear();
    for (const closer of closers) closer();
  }

  #reason(): Error {
    return (this.#error ??= new HostClosedError(this.#closedBecause));
  }
}
