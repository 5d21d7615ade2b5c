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
  #closedBecause: string | undefined;
  #error: HostClosedError | undefined;

  constructor(maxOpen = 1024) {
    this.#maxOpen = maxOpen;
  }

  /** True once `close` was called. */
  get closed(): boolean {
    return this.#closedBecause !== undefined;
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
    if (this.closed) return Promise.reject(this.#reason());
    return new Promise((resolve, reject) => {
      let unsubscribe: (() => void) | undefined;
      const forget = this.defer(() => {
        unsubscribe?.();
        reject(this.#reason());
      });
      let woken = false;
      unsubscribe = subscribe(() => {
        if (woken) return;
        woken = true;
        forget();
        unsubscribe?.();
        // A resource that is closed with the scope may wake its waiters first: they unwind all the same.
        if (this.closed) reject(this.#reason());
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
   * Resolves after a turn of the event loop at every 16th call: a guest that asks in a loop for what is ready at once
   * would otherwise never let its neighbours, or its own input, have the thread.
   */
  async breathe(): Promise<void> {
    if (++this.#breaths % 16 === 0) await this.wait((wake) => clearImmediate.bind(undefined, setImmediate(wake)));
  }

  /** Ends everything; later calls do nothing. */
  close(why = "the host was closed"): void {
    if (this.closed) return;
    this.#closedBecause = why;
    const closers = [...this.#closers];
    this.#closers.clear();
    for (const closer of closers) closer();
  }

  /** Made when someone waits: most scopes close with nobody waiting, and an error takes a stack trace. */
  #reason(): HostClosedError {
    return (this.#error ??= new HostClosedError(this.#closedBecause));
  }
}
