import type { ErrorCodeEntry } from "./error-code-entry.ts";

/** The error codes of `kubectl wasmlet rollout`, sorted. */
export const ROLLOUT_ERROR_CODES = {
  ROLLOUT_FAILED: {
    summary: "The new revision of an app does not get on; what served before serves on.",
    fix: "Correct what the message says, or go back with `kubectl wasmlet rollout undo APP`.",
  },
  ROLLOUT_REVISION_UNKNOWN: {
    summary: "There is no such revision of the app to go back to.",
    fix: "See `kubectl wasmlet rollout history APP` for those that there are.",
  },
  ROLLOUT_TIMEOUT: {
    summary: "The rollout was not done in the time that was given.",
    fix: "Look at `kubectl wasmlet get APP`, and wait longer with --timeout.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;
