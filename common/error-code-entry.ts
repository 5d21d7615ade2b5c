/** What one stable error code means. `docs/errors.md` is generated from this table; a code is never reused. */
export interface ErrorCodeEntry {
  /** What went wrong, one sentence. */
  summary: string;
  /** What to do about it, one sentence. */
  fix: string;
}
