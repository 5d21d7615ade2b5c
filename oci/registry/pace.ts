import type { Timing } from "../../common/timing.ts";
import { TransientError } from "./transient-error.ts";

/** A transfer may be as slow as it likes for this long. */
const GRACE_MS = 30_000;
/** After that, this is what it has to reach on average: less is a stall, or somebody who holds the line on purpose. */
const MIN_BYTES_PER_SECOND = 4096;

/** Notices a body that comes so slowly that it might never end. */
export class Pace {
  readonly #timing: Timing;
  readonly #beganMs: number;
  #bytes = 0;

  constructor(timing: Timing) {
    this.#timing = timing;
    this.#beganMs = timing.now();
  }

  /** Counts what has come; throws OCI_TRANSFER_FAILED when that is too little for the time it took. */
  note(bytes: number, where: string): void {
    this.#bytes += bytes;
    const elapsedMs = this.#timing.now() - this.#beganMs;
    if (elapsedMs < GRACE_MS || this.#bytes * 1000 >= MIN_BYTES_PER_SECOND * elapsedMs) return;
    throw new TransientError("OCI_TRANSFER_FAILED", "the registry sends too slowly", {
      where,
      expected: `at least ${MIN_BYTES_PER_SECOND} bytes a second`,
      actual: `${this.#bytes} bytes in ${Math.round(elapsedMs / 1000)} seconds`,
    });
  }
}
