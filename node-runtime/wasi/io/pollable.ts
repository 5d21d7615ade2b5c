import type { Scope } from "../scope.ts";

/** What a pollable watches: `ready` is checked again after every wake-up, so spurious wake-ups are harmless. */
export interface Readiness {
  ready(): boolean;
  /** Calls `wake` once when `ready` may have become true; returns a function that takes it back. */
  subscribe(wake: () => void): () => void;
}

/** `wasi:io/poll` resource `pollable`. */
export class Pollable {
  readonly #scope: Scope;
  readonly #readiness: Readiness;

  constructor(scope: Scope, readiness: Readiness) {
    this.#scope = scope;
    this.#readiness = readiness;
  }

  /** True when the awaited thing has happened. */
  ready(): boolean {
    return this.#readiness.ready();
  }

  /** Resolves once ready; rejects when the host closes. */
  async block(): Promise<void> {
    if (this.ready()) return this.#scope.breathe();
    while (!this.ready()) await this.#scope.wait((wake) => this.#readiness.subscribe(wake));
  }

  /** Subscribes to the underlying readiness; for `poll`. */
  subscribe(wake: () => void): () => void {
    return this.#readiness.subscribe(wake);
  }
}

/** A readiness that always holds. */
export const ALWAYS_READY: Readiness = { ready: () => true, subscribe: (wake) => (wake(), () => {}) };

/**
 * `wasi:io/poll.poll`: resolves to the indices of the ready pollables, waiting until there is one.
 * Traps on an empty list, as the WIT says.
 */
export async function poll(scope: Scope, pollables: readonly Pollable[]): Promise<Uint32Array> {
  if (pollables.length === 0) throw scope.trap("poll: the list of pollables must not be empty");
  await scope.breathe();
  for (;;) {
    const ready = pollables.flatMap((pollable, index) => (pollable.ready() ? [index] : []));
    if (ready.length > 0) return Uint32Array.from(ready);
    await scope.wait((wake) => {
      const undo = pollables.map((pollable) => pollable.subscribe(wake));
      return () => undo.forEach((unsubscribe) => unsubscribe());
    });
  }
}
