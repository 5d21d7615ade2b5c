import { WasmletError } from "../../common/errors.ts";
import { digestOf, isDigest, RunningDigest } from "../digest.ts";
import { MAX_MANIFEST_BYTES, readManifest, type Descriptor, type Manifest } from "../manifest.ts";
import { INDEX_TYPES, MANIFEST_TYPES } from "../media-types.ts";
import { formatReference, versionOf, type Reference } from "../reference.ts";
import { Authorizer } from "./authorizer.ts";
import { streamBlob, type BlobOptions } from "./blob.ts";
import { readBody } from "./body.ts";
import type { CredentialSource } from "./credentials.ts";
import { Endpoints } from "./endpoints.ts";
import { listReferrers, referrersTag } from "./referrers.ts";
import { Session, type SessionContext } from "./session.ts";
import { SYSTEM_TIMING, type Timing } from "../../common/timing.ts";
import { createTransport, type HttpResponse, type ProxySettings, type Transport } from "./transport.ts";
import { uploadBlob, type BlobContent, type UploadOutcome } from "./upload.ts";

/** How registries are reached; nothing of it is needed for public ones. */
export interface RegistryOptions {
  /** Finds credentials; without it all registries are asked anonymously. */
  credentials?: CredentialSource;
  /** For a registry, hosts that are asked before it, in order. */
  mirrors?: ReadonlyMap<string, readonly string[]>;
  /** Hosts, with their ports, that are spoken to in plain HTTP; those of this machine need no entry. */
  plainHttp?: readonly string[];
  /** Certificates in PEM that are trusted beside the system's. */
  ca?: readonly string[];
  proxy?: ProxySettings;
  /** Exchanges with one host at a time. */
  maxRequestsPerHost?: number;
  /** The largest blob that is fetched, in bytes. */
  maxBlobBytes?: number;
  timing?: Timing;
}

/** A manifest as it came, verified, and what it says. */
export interface FetchedManifest {
  descriptor: Descriptor;
  bytes: Uint8Array;
  content: Manifest;
}

const DEFAULT_MAX_BLOB_BYTES = 512 * 1024 * 1024;
const ACCEPTED_TYPES = [...MANIFEST_TYPES, ...INDEX_TYPES].join(", ");

/**
 * Speaks with registries by the OCI distribution specification. Nothing that a registry sends is believed: manifests and
 * blobs are hashed and measured while they come, and every wait, list and body has a bound.
 */
export class RegistryClient {
  readonly #transport: Transport;
  readonly #endpoints: Endpoints;
  readonly #context: SessionContext;
  readonly #maxBlobBytes: number;

  private constructor(transport: Transport, endpoints: Endpoints, context: SessionContext, maxBlobBytes: number) {
    this.#transport = transport;
    this.#endpoints = endpoints;
    this.#context = context;
    this.#maxBlobBytes = maxBlobBytes;
  }

  /** Returns a client; it connects when it is asked for something. */
  static create(options: RegistryOptions = {}): RegistryClient {
    const { timing = SYSTEM_TIMING, plainHttp = [], mirrors = new Map<string, string[]>() } = options;
    const { maxBlobBytes = DEFAULT_MAX_BLOB_BYTES, credentials = () => Promise.resolve(undefined) } = options;
    const plainHosts = new Set(plainHttp);
    const allowsPlainHttp = (host: string): boolean => plainHosts.has(host);
    const transport = createTransport({ ...options, timing });
    const authorizer = new Authorizer(credentials, { transport, timing, allowsPlainHttp });
    const endpoints = new Endpoints(transport, mirrors, allowsPlainHttp);
    return new RegistryClient(transport, endpoints, { transport, authorizer, allowsPlainHttp, timing }, maxBlobBytes);
  }

  /** Returns a client with other credentials over the same connections; no token of one is known to the other. */
  withCredentials(credentials: CredentialSource): RegistryClient {
    const authorizer = new Authorizer(credentials, this.#context);
    return new RegistryClient(this.#transport, this.#endpoints, { ...this.#context, authorizer }, this.#maxBlobBytes);
  }

  /** Ends every connection. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Succeeds when the registry lets us in, with the credentials that there are; throws OCI_* errors. */
  async checkAccess(registry: string, signal?: AbortSignal): Promise<void> {
    const endpoints = await this.#endpoints.of(registry, true);
    const session = new Session(endpoints[0]!, "", { isPush: false }, this.#context);
    const what = `access to ${registry}`;
    const response = await session.send({ method: "GET", target: "", what, accepted: [200], signal });
    response.discard();
  }

  /** Fetches and verifies what a reference names; throws OCI_* errors. */
  async manifest(reference: Reference, signal?: AbortSignal): Promise<FetchedManifest> {
    return this.#ask(reference, (session) => this.#fetchManifest(session, reference, signal));
  }

  async #fetchManifest(session: Session, reference: Reference, signal?: AbortSignal): Promise<FetchedManifest> {
    const response = await session.send({
      method: "GET",
      target: `manifests/${versionOf(reference)}`,
      what: `the manifest of ${formatReference(reference)}`,
      accepted: [200],
      headers: { accept: ACCEPTED_TYPES },
      signal,
    });
    return readManifestResponse(response, reference);
  }

  /** Returns the digest that a reference leads to now, asking for no more than that; throws OCI_* errors. */
  async resolve(reference: Reference, signal?: AbortSignal): Promise<string> {
    if (reference.digest !== undefined) return reference.digest;
    const response = await this.#head(reference, signal);
    const digest = response?.header("docker-content-digest");
    // The header is newer than some registries too.
    return digest !== undefined && isDigest(digest)
      ? digest
      : (await this.manifest(reference, signal)).descriptor.digest;
  }

  /** Succeeds when the registry lets us have what a reference names, which is not fetched; throws OCI_* errors. */
  async check(reference: Reference, signal?: AbortSignal): Promise<void> {
    if ((await this.#head(reference, signal)) === undefined) await this.manifest(reference, signal);
  }

  /** Returns undefined where the registry, or a proxy before it, knows no HEAD. */
  #head(reference: Reference, signal: AbortSignal | undefined): Promise<HttpResponse | undefined> {
    return this.#ask(reference, async (session) => {
      const response = await session.send({
        method: "HEAD",
        target: `manifests/${versionOf(reference)}`,
        what: `the manifest of ${formatReference(reference)}`,
        accepted: [200, 405, 501],
        headers: { accept: ACCEPTED_TYPES },
        signal,
      });
      response.discard();
      return response.status === 200 ? response : undefined;
    });
  }

  /**
   * Fetches a blob: `consume` gets its bytes and its result is returned once they are verified. Where a mirror sends the
   * wrong ones, `consume` begins again with those of the next. Throws OCI_* errors.
   */
  async blob<Result>(
    reference: Reference,
    descriptor: Descriptor,
    consume: (bytes: AsyncIterable<Uint8Array>) => Promise<Result>,
    options: BlobOptions = {},
  ): Promise<Result> {
    if (descriptor.size > this.#maxBlobBytes) {
      throw new WasmletError("OCI_TOO_LARGE", "a blob of the artifact is larger than is accepted", {
        where: `${formatReference(reference)}: ${descriptor.digest}`,
        expected: `at most ${this.#maxBlobBytes} bytes`,
        actual: `${descriptor.size} bytes`,
      });
    }
    return this.#ask(reference, (session) => consume(streamBlob(session, descriptor, options)));
  }

  /**
   * Returns what refers to the artifact of a digest, by the registry's list or, where it keeps none, by the index under the
   * tag for it. A mirror that knows of nothing is not believed. Throws OCI_* errors.
   */
  async referrers(reference: Reference & { digest: string }, signal?: AbortSignal): Promise<Descriptor[]> {
    const { registry, repository, digest } = reference;
    const tagged = { registry, repository, tag: referrersTag(digest) };
    return this.#ask(reference, async (session) => {
      const read = (response: HttpResponse): Promise<Uint8Array> =>
        readManifestBody(response, formatReference(reference));
      const found =
        (await listReferrers(session, digest, read, signal)) ?? (await this.#taggedReferrers(session, tagged, signal));
      if (found.length > 0 || !session.endpoint.isMirror) return found;
      throw new WasmletError("OCI_NOT_FOUND", "the mirror knows of nothing that refers to the artifact", {
        where: formatReference(reference),
      });
    });
  }

  async #taggedReferrers(session: Session, tagged: Reference, signal?: AbortSignal): Promise<Descriptor[]> {
    try {
      const { content } = await this.#fetchManifest(session, tagged, signal);
      return content.kind === "index" ? content.index.manifests : [];
    } catch (thrown) {
      if (thrown instanceof WasmletError && thrown.code === "OCI_NOT_FOUND") return [];
      throw thrown;
    }
  }

  /** True when the registry says that the reference's repository has a blob; false also when it cannot tell. */
  async hasBlob(reference: Reference, digest: string, signal?: AbortSignal): Promise<boolean> {
    try {
      return await this.#ask(reference, async (session) => {
        const what = `the blob ${digest} of ${reference.registry}/${reference.repository}`;
        const target = `blobs/${digest}`;
        const response = await session.send({ method: "HEAD", target, what, accepted: [200], maxAttempts: 1, signal });
        response.discard();
        return true;
      });
    } catch (thrown) {
      if (thrown instanceof WasmletError) return false;
      throw thrown;
    }
  }

  /** Brings a blob into the reference's repository, unless it is there; throws OCI_* errors. */
  async upload(
    reference: Reference,
    content: BlobContent,
    mountFrom?: string,
    signal?: AbortSignal,
  ): Promise<UploadOutcome> {
    const session = await this.#pushSession(reference, mountFrom);
    return uploadBlob(session, content, mountFrom, signal);
  }

  /** Puts a manifest under the reference's tag, or under its digest where it has no tag; returns its digest. */
  async putManifest(reference: Reference, mediaType: string, bytes: Uint8Array, signal?: AbortSignal): Promise<string> {
    const digest = digestOf(bytes);
    const session = await this.#pushSession(reference);
    const response = await session.send({
      method: "PUT",
      target: `manifests/${reference.tag ?? digest}`,
      what: `the manifest of ${formatReference(reference)}`,
      accepted: [201],
      headers: { "content-type": mediaType },
      body: bytes,
      signal,
    });
    response.discard();
    const stored = response.header("docker-content-digest");
    if (stored !== undefined && stored.startsWith("sha256:") && stored !== digest) {
      throw mismatch(
        "the registry stored another manifest than was pushed",
        formatReference(reference),
        digest,
        stored,
      );
    }
    return digest;
  }

  async #pushSession({ registry, repository }: Reference, alsoFrom?: string): Promise<Session> {
    const [endpoint] = await this.#endpoints.of(registry, true);
    return new Session(endpoint!, repository, { isPush: true, alsoFrom }, this.#context);
  }

  /** Asks the mirrors in order and then the registry: the first that can answer does. */
  async #ask<Result>(
    { registry, repository }: Reference,
    attempt: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    const endpoints = await this.#endpoints.of(registry, false);
    for (const endpoint of endpoints) {
      try {
        return await attempt(new Session(endpoint, repository, { isPush: false }, this.#context));
      } catch (thrown) {
        // Whatever is wrong with a mirror, the registry decides; an abort is nobody's fault.
        if (!endpoint.isMirror || !(thrown instanceof WasmletError)) throw thrown;
      }
    }
    throw new Error("a registry has no endpoint");
  }
}

async function readManifestResponse(response: HttpResponse, reference: Reference): Promise<FetchedManifest> {
  const where = formatReference(reference);
  const bytes = await readManifestBody(response, where);
  const said = response.header("docker-content-digest");
  // A pin says which bytes; for a tag, what the registry itself says of them must at least be true.
  const expected = reference.digest ?? (said !== undefined && isDigest(said) ? said : undefined);
  const digest = expected === undefined ? digestOf(bytes) : digestLike(expected, bytes);
  if (expected !== undefined && digest !== expected) {
    throw mismatch("the artifact's manifest is not what its digest says", where, expected, digest);
  }
  const contentType = response.header("content-type");
  const content = readManifest(bytes, contentType, where);
  const mediaType =
    (content.kind === "index" ? content.index.mediaType : content.manifest.mediaType) ?? contentType ?? "";
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes, content };
}

function readManifestBody(response: HttpResponse, where: string): Promise<Uint8Array> {
  const tooLarge = (): WasmletError =>
    new WasmletError("OCI_TOO_LARGE", "the artifact's manifest is larger than is accepted", {
      where,
      expected: `at most ${MAX_MANIFEST_BYTES} bytes`,
    });
  return readBody(response, MAX_MANIFEST_BYTES, tooLarge);
}

function digestLike(expected: string, bytes: Uint8Array): string {
  const hash = new RunningDigest(expected);
  hash.update(bytes);
  return hash.finish();
}

function mismatch(message: string, where: string, expected: string, actual: string): WasmletError {
  return new WasmletError("OCI_DIGEST_MISMATCH", message, { where, expected, actual });
}
