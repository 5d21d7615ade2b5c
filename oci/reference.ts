import { WasmletError } from "../common/errors.ts";
import { isDigest } from "./digest.ts";

/*
 * References as containers know them, by the grammar of github.com/distribution/reference:
 *
 *   [registry[:port]/]repository[:tag][@digest]
 *
 *   hello                          docker.io/library/hello:latest
 *   ghcr.io/team/hello:1.0         as it stands
 *   [::1]:5000/hello@sha256:…      an IPv6 registry with a port, pinned
 */

/** What a reference names; the digest, where there is one, says which bytes, whatever the tag says. */
export interface Reference {
  /** Host, with its port where it is not the scheme's own: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  registry: string;
  repository: string;
  tag?: string;
  digest?: string;
}

/** The registry that a reference without one means. */
const DEFAULT_REGISTRY = "docker.io";
const DEFAULT_NAMESPACE = "library";
const DEFAULT_TAG = "latest";
const MAX_REPOSITORY_LENGTH = 255;
const MAX_HOST_LENGTH = 255;
const MAX_REFERENCE_LENGTH = 1024;
const MAX_PORT = 65_535;

const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:.]+\])$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

/** Reads a reference and completes it with registry, `library/` and `latest`; throws OCI_REFERENCE_INVALID. */
export function parseReference(text: string): Reference {
  const fail = (expected: string): never => {
    throw new WasmletError("OCI_REFERENCE_INVALID", "the reference of the artifact is not valid", {
      expected,
      actual: JSON.stringify(text.slice(0, MAX_REFERENCE_LENGTH)),
    });
  };
  if (text.length > MAX_REFERENCE_LENGTH) fail(`at most ${MAX_REFERENCE_LENGTH} characters`);
  if (text.includes("://")) fail("a reference without a scheme, such as registry.example.com/team/hello:1.0");
  const [name = "", digest, ...rest] = text.split("@");
  if (rest.length > 0 || (digest !== undefined && !isDigest(digest))) fail("@sha256: and 64 lower-case digits");
  const { registry, path } = splitRegistry(name);
  const colon = path.indexOf(":");
  const tag = colon === -1 ? undefined : path.slice(colon + 1);
  const repository = completeRepository(registry, colon === -1 ? path : path.slice(0, colon));
  if (tag !== undefined && !TAG.test(tag)) fail("a tag of at most 128 letters, digits, _, . and -");
  if (!isRegistry(registry)) fail("a registry as a host name or address, with at most a port");
  if (repository.length > MAX_REPOSITORY_LENGTH) fail(`a repository of at most ${MAX_REPOSITORY_LENGTH} characters`);
  if (!repository.split("/").every((component) => PATH_COMPONENT.test(component))) {
    fail("a repository of lower-case letters and digits, separated by single . or _, by __, by - and by /");
  }
  // The grammar reserves what looks like an image's id.
  if (/^[0-9a-f]{64}$/.test(name)) fail("a name rather than 64 hexadecimal digits");
  return {
    registry,
    repository,
    ...(tag !== undefined ? { tag } : digest === undefined && { tag: DEFAULT_TAG }),
    ...(digest !== undefined && { digest }),
  };
}

/** Returns the reference in full, such that `parseReference` reads the same again. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** Returns what the registry is asked for: the digest where the reference has one, else the tag. */
export function versionOf({ tag, digest }: Reference): string {
  return digest ?? tag ?? DEFAULT_TAG;
}

/** True for a host name or address with at most a port, as references and docker's configuration have it. */
export function isRegistry(text: string): boolean {
  const [, host = "", port] = /^(.*?)(?::(\d+))?$/s.exec(text) ?? [];
  if (host.length > MAX_HOST_LENGTH || !HOST.test(host)) return false;
  if (host.startsWith("[") && !URL.canParse(`https://${host}/`)) return false;
  return port === undefined || (Number(port) >= 1 && Number(port) <= MAX_PORT);
}

/** What is before the first slash is a registry only when it looks like a host: `a/b` is a repository of the default one. */
function splitRegistry(name: string): { registry: string; path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  if (slash === -1 || !isHost) return { registry: DEFAULT_REGISTRY, path: name };
  return { registry: first === "index.docker.io" ? DEFAULT_REGISTRY : first, path: name.slice(slash + 1) };
}

function completeRepository(registry: string, repository: string): string {
  return registry === DEFAULT_REGISTRY && !repository.includes("/") ? `${DEFAULT_NAMESPACE}/${repository}` : repository;
}
