import { parseAddress, type Address } from "./address.ts";

/** Who a guest wants to reach: an address that needs no look-up, or a name in lower case without a trailing dot. */
export type Host = { address: Address; name?: never } | { name: string; address?: never };

const MAX_NAME_LENGTH = 253;

/** Labels of letters, digits, `-` and `_`, as they leave the URL parser: lower case, punycode. */
const NAME = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** What the URL parser would read as something else than a host, or silently remove. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const NOT_IN_A_HOST = /[\u0000-\u0020\u007f/\\?#@:%[\]<>^|]/;

/**
 * Returns the host in its one canonical form, undefined when it is none. Names are read as URL parsers read them, so the odd
 * spellings of an IPv4 address (`127.1`, `0x7f.1`, `2130706433`, full-width digits) are that address and never a name.
 */
export function canonicalHost(text: string): Host | undefined {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const literal = parseAddress(bare);
  if (literal !== undefined) return { address: literal };
  if (bare.length > MAX_NAME_LENGTH + 1 || NOT_IN_A_HOST.test(bare)) return undefined;
  const url = URL.parse(`http://${bare}/`);
  if (url === null) return undefined;
  const numeric = parseAddress(url.hostname);
  if (numeric !== undefined) return { address: numeric };
  const name = url.hostname.endsWith(".") ? url.hostname.slice(0, -1) : url.hostname;
  return name.length <= MAX_NAME_LENGTH && NAME.test(name) ? { name } : undefined;
}
