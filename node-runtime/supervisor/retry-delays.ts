import type { ErrorCode } from "../../common/error-codes.ts";

const MAX_MS = 300_000;

/** What the node's surroundings broke, and may be over in a moment: a killed child, a taken port, a registry that is away. */
const SOON = 1000;
/** What somebody else has to mend, as the kubelet waits for an image (ImagePullBackOff). */
const LATER = 10_000;
/** What only a change of the policy mends, or a signature that is made for it. */
const RARELY = MAX_MS;

const FIRST_MS: ReadonlyMap<ErrorCode, number> = new Map<ErrorCode, number>([
  ["ARTIFACT_CACHE_CORRUPT", SOON],
  ["ARTIFACT_FETCH_FAILED", SOON],
  ["OCI_DIGEST_MISMATCH", LATER],
  ["OCI_NOT_FOUND", LATER],
  ["OCI_POLICY_REFUSED", RARELY],
  ["OCI_RATE_LIMITED", LATER],
  ["OCI_RESPONSE_INVALID", LATER],
  ["OCI_SIZE_MISMATCH", LATER],
  ["OCI_TRANSFER_FAILED", SOON],
  ["OCI_UNAUTHORIZED", LATER],
  ["OCI_UNREACHABLE", SOON],
  ["PREPARE_CRASHED", SOON],
  ["APP_FOLDER_MISSING", SOON],
  ["APP_PORT_IN_USE", SOON],
  ["APP_PORT_CONFLICT", SOON],
  ["RUNTIME_CACHE", SOON],
  ["RUNTIME_CELL_LOST", SOON],
  ["RUNTIME_FOLDER", SOON],
]);

/** How long an app waits after each failure to start: twice as long each time, up to five minutes. */
export class RetryDelays {
  #nextMs = 0;

  /** Returns the milliseconds until the next try; undefined where only a change of the app makes a difference. */
  after(code: ErrorCode): number | undefined {
    const firstMs = FIRST_MS.get(code);
    if (firstMs === undefined) return undefined;
    const delayMs = Math.max(firstMs, this.#nextMs);
    this.#nextMs = Math.min(MAX_MS, delayMs * 2);
    return delayMs;
  }

  /** Begins again: it succeeded, or the app is another one now. */
  reset(): void {
    this.#nextMs = 0;
  }
}
