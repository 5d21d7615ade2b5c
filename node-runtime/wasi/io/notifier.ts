/** A list of one-shot listeners: `subscribe` until the next `notify`. The base of every pollable. */
export class Notifier {
  #listeners: Set<() => void> | undefined;

  /** Calls `wake` once, at the next `notify`; returns a function that takes it back. */
  subscribe(wake: () => void): () => void {
    this.#listeners ??= new Set();
    this.#listeners.add(wake);
    return () => this.#listeners?.delete(wake);
  }

  /** Calls every listener once. */
  notify(): void {
    const listeners = this.#listeners;
    if (listeners === undefined) return;
    this.#listeners = undefined;
    for (const wake of listeners) wake();
  }
}
