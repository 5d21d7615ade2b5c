import { readManifest, type Descriptor } from "../manifest.ts";
import { essenceOf, INDEX_TYPES } from "../media-types.ts";
import type { HttpResponse } from "./transport.ts";
import type { Session } from "./session.ts";

/*
 * What refers to an artifact (distribution-spec, "Listing Referrers"): an index, in pages that `Link` headers lead through.
 * A registry that does not know of it answers with 404, older ones with something else; there whoever pushed keeps such an
 * index under a tag, `sha256-<hex>`.
 */

const MAX_PAGES = 8;
/** What registries without the list say of it. */
const UNKNOWN = [400, 404, 405, 406, 501];

/** Returns the tag under which a digest's referrers are, where a registry keeps no list. */
export function referrersTag(digest: string): string {
  // Cut off as the specification has it: a tag has at most 128 characters.
  const [algorithm = "", hex = ""] = digest.split(":");
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/**
 * Returns what the registry lists, in its order and up to a bound; undefined where it keeps no list. `read` reads a body of
 * bounded size. Throws OCI_* errors.
 */
export async function listReferrers(
  session: Session,
  digest: string,
  read: (response: HttpResponse) => Promise<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  let target: string | URL = `referrers/${digest}`;
  for (let page = 0; page < MAX_PAGES; page++) {
    const response: HttpResponse = await session.send({
      method: "GET",
      target,
      what: `the list of what refers to ${digest}`,
      accepted: [200, ...UNKNOWN],
      headers: { accept: [...INDEX_TYPES].join(", ") },
      signal,
    });
    const type = essenceOf(response.header("content-type") ?? "");
    if (response.status !== 200 || !INDEX_TYPES.has(type)) {
      response.discard();
      return page === 0 ? undefined : found;
    }
    const content = readManifest(await read(response), type, session.placeOf(`referrers/${digest}`));
    if (content.kind === "index") found.push(...content.index.manifests);
    const next = nextPage(response.header("link"), response.url);
    if (next === undefined || next.origin !== session.endpoint.origin.origin) break;
    target = next;
  }
  return found;
}

/** Returns where the next page is (RFC 8288). */
function nextPage(link: string | undefined, base: URL): URL | undefined {
  const [, address] = /<([^<>]{1,2048})>\s*;\s*rel="?next"?/.exec(link ?? "") ?? [];
  return address !== undefined && URL.canParse(address, base) ? new URL(address, base) : undefined;
}
