/** What one stable error code means. `docs/errors.md` is generated from this table; a code is never reused. */
export interface ErrorCodeEntry {
  /** What went wrong, one sentence. */
  summary: string;
  /** What to do about it, one sentence. */
  fix: string;
}

/** Every error code of Wasmlet, `<AREA>_<PROBLEM>`, grouped by area and sorted within it. */
export const ERROR_CODES = {
  // -- manifest: what a user wrote in YAML
  MANIFEST_SYNTAX: {
    summary: "The file is not valid YAML.",
    fix: "Correct the YAML at the line and column named.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;

/** A stable error code, as listed in `docs/errors.md`. */
export type ErrorCode = keyof typeof ERROR_CODES;
