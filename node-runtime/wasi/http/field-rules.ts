/** One header or trailer line: its name in the casing given, and its value's bytes. */
export type FieldEntry = [name: string, value: Uint8Array];

/** What all names and values of one `fields` may take together, with the per-line overhead of RFC 9113 §6.5.2. */
export const MAX_FIELDS_BYTES = 128 * 1024;

/** How many lines one `fields` may have. */
export const MAX_FIELDS_COUNT = 1024;

/** RFC 9113 §10.5.1 counts this much for each line besides its name and value. */
const LINE_OVERHEAD_BYTES = 32;

/** `token` of RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Fields about the connection, which is the host's business; the same list as wasmtime's. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** True when `text` is a token: a field name, a method. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** True when guests may neither see nor set the field; `name` in any casing. */
export function isForbiddenName(name: string): boolean {
  return FORBIDDEN_NAMES.has(name.toLowerCase());
}

/** True when `value` has no control byte other than a tab (RFC 9110 §5.5). */
export function isFieldValue(value: Uint8Array): boolean {
  for (const byte of value) {
    if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) return false;
  }
  return true;
}

/** How many bytes one line counts for. */
export function fieldBytes(name: string, value: Uint8Array): number {
  return name.length + value.length + LINE_OVERHEAD_BYTES;
}
