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
  MANIFEST_ANNOTATION: {
    summary: "An annotation of Wasmlet has a value that it can't have.",
    fix: "Give it a value as docs/wasmapp.md describes, or remove it.",
  },
  MANIFEST_DUPLICATE_ENTRY: {
    summary: "Two entries of a list have the same key.",
    fix: "Remove or rename one of them.",
  },
  MANIFEST_DUPLICATE_KEY: {
    summary: "A mapping has the same key twice.",
    fix: "Remove one of the two: YAML readers disagree about which one counts.",
  },
  MANIFEST_ENUM: {
    summary: "A field has a value that is not among those it may have.",
    fix: "Use one of the values named in the message.",
  },
  MANIFEST_FORMAT: {
    summary: "A field has a value that is not written as the field expects it.",
    fix: "Write it as the message describes.",
  },
  MANIFEST_KIND: {
    summary: "A document is of a kind that Wasmlet does not read from a file.",
    fix: "Keep WasmApp (wasmlet.dev/v1alpha1), ConfigMap and Secret (v1) documents in the file, and apply others to a cluster.",
  },
  MANIFEST_MISSING_FIELD: {
    summary: "A field that must be there is missing.",
    fix: "Add the field.",
  },
  MANIFEST_OUT_OF_BOUNDS: {
    summary: "A number, text, list or mapping is larger or smaller than its field allows.",
    fix: "Keep it within the bounds named in the message.",
  },
  MANIFEST_RULE: {
    summary: "Fields that are valid one by one do not go together.",
    fix: "Change the fields as the message says.",
  },
  MANIFEST_SYNTAX: {
    summary: "The file is not valid YAML.",
    fix: "Correct the YAML at the line and column named.",
  },
  MANIFEST_TOO_DEEP: {
    summary: "A document is nested too deeply.",
    fix: "Remove the nesting: a WasmApp needs no more than ten levels.",
  },
  MANIFEST_TOO_LARGE: {
    summary: "A file is too large, has too many documents, or grows too large through YAML aliases.",
    fix: "Split the file, or write values out instead of using aliases.",
  },
  MANIFEST_TYPE: {
    summary: "A field has a value of the wrong type.",
    fix: "Give it a value of the type named in the message; put quotes around a text that looks like a number or a boolean.",
  },
  MANIFEST_UNKNOWN_FIELD: {
    summary: "A field has a name that its object does not know.",
    fix: "Correct the name or remove the field.",
  },
  // -- egress: the allow-list of outgoing traffic
  EGRESS_ENTRY_INVALID: {
    summary: "An entry of allowedOutboundHosts is not valid.",
    fix: "Write it as [scheme://]host[:port], where host is a name, *.name, an IP address, a CIDR block or *.",
  },
  // -- guests: the programs of examples/, built from source
  GUEST_BUILD_FAILED: {
    summary: "A guest of the examples could not be built from its source.",
    fix: "Run npm ci without --omit=dev, and read the output of the compiler in the message.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;

/** A stable error code, as listed in `docs/errors.md`. */
export type ErrorCode = keyof typeof ERROR_CODES;
