/** Where an input stream's bytes come from: a request body, a file, a socket, standard input. */
export interface ByteSource {
  /**
   * Returns 1 to `max` bytes that are there now, undefined when one must wait, or null at the end.
   * Throws the host's error (an IoError's cause) once when the source failed.
   */
  take(max: number): Uint8Array | undefined | null;
  /** Calls `wake` once when `take` may return something else than undefined; returns the undoing. */
  subscribe(wake: () => void): () => void;
  /** Says that nobody reads on; called once. */
  close?(): void;
}

/** Where an output stream's bytes go: a response body, a file, a socket, a log. */
export interface ByteSink {
  /** How many bytes `write` accepts now; 0 means wait. Null once closed by the other side. Throws when it failed. */
  capacity(): number | null;
  /** Accepts at most `capacity()` bytes; the array is the sink's own from here. */
  write(bytes: Uint8Array): void;
  /** True when everything written has left (to the kernel, the disk, the log). */
  flushed(): boolean;
  /** Calls `wake` once when `capacity` or `flushed` may have changed; returns the undoing. */
  subscribe(wake: () => void): () => void;
  /** Says that nothing more comes; called once. */
  close?(): void;
}

/** A source that is at its end from the start. */
export const EMPTY_SOURCE: ByteSource = { take: () => null, subscribe: (wake) => (wake(), () => {}) };
