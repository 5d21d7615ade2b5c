/** Something that holds memory only to wake faster. */
export interface Dormant {
  /** Bytes of linear memory that it holds. */
  readonly dormantBytes: number;
  /** Lets go of it. */
  forget(): void;
}

/** Linear memory that dormant programs of a process hold together: what they touched of it is resident. */
const MAX_DORMANT_BYTES = 256 * 1024 * 1024;

/**
 * Programs that are scaled to zero, the longest asleep first. Each may hold an instance, so that it wakes in microseconds;
 * those that sleep longest give theirs up when it becomes too much.
 */
export class Dormitory {
  readonly #maxBytes: number;
  /** With the bytes that each held when it went to sleep. */
  readonly #asleep = new Map<Dormant, number>();
  #bytes = 0;

  constructor(maxBytes = MAX_DORMANT_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** It sleeps from here on. */
  add(dormant: Dormant): void {
    this.delete(dormant);
    const bytes = dormant.dormantBytes;
    this.#asleep.set(dormant, bytes);
    this.#bytes += bytes;
    for (const [oldest] of this.#asleep) {
      if (this.#bytes <= this.#maxBytes) break;
      this.delete(oldest);
      oldest.forget();
    }
  }

  /** It is awake, or gone. */
  delete(dormant: Dormant): void {
    this.#bytes -= this.#asleep.get(dormant) ?? 0;
    this.#asleep.delete(dormant);
  }
}

/** That of this process. */
export const DORMITORY = new Dormitory();
