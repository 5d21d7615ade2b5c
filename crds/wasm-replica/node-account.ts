import { createHash } from "node:crypto";

const PREFIX = "wasmlet-node-";
/** The longest name of a ServiceAccount, a DNS subdomain. */
const MAX_LENGTH = 253;
const HASH_LENGTH = 16;

/**
 * Returns the name of the ServiceAccount that may read what the apps on a node refer to: the operator keeps it, the node
 * runtime asks for its tokens. Of a name that is too long, a hash takes the place of the end.
 */
export function nodeAccountName(nodeName: string): string {
  const name = PREFIX + nodeName;
  if (name.length <= MAX_LENGTH) return name;
  const hash = createHash("sha256").update(nodeName).digest("hex").slice(0, HASH_LENGTH);
  return `${name.slice(0, MAX_LENGTH - HASH_LENGTH - 1).replace(/[-.]+$/, "")}-${hash}`;
}
