import { Secret } from "../common/secret.ts";
import { SYSTEM_TIMING, type Timing } from "../common/timing.ts";
import type {
  ApplyOptions,
  DeleteOptions,
  DeleteOutcome,
  KubeClientOptions,
  ListOptions,
  LogOptions,
  PatchOptions,
  Selection,
  TokenRequest,
  WatchOptions,
  WriteOptions,
} from "./client-options.ts";
import type { Connection } from "./connection.ts";
import { isKubeError, KubeError } from "./kube-error.ts";
import { keyOf, type KubeObject, type ObjectRef } from "./objects.ts";
import { pathOf, PODS, SERVICE_ACCOUNTS, type Resource } from "./resources.ts";
import { withRetries } from "./retry.ts";
import { brokenOff, readText, Transport, type KubeRequest } from "./transport.ts";
import { readEvent, readLines, type WatchEvent } from "./watch.ts";
import { acceptList, acceptObject, readJson, readObject, readPage, type Page } from "./wire.ts";

const MAX_CONNECTIONS = 32;
const PAGE_LIMIT = 500;
const MAX_OBJECT_BYTES = 8 * 1024 * 1024;
const MAX_PAGE_BYTES = 128 * 1024 * 1024;
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
const WATCH_SECONDS = 300;
const WATCH_SILENCE_MS = 150_000;

/**
 * Speaks with the API server in JSON. A request that may succeed later is tried again for a few seconds; every wait and
 * body has a bound; all methods throw KUBE_* errors. Objects come without `managedFields`.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #timing: Timing;
  readonly #fieldManager: string;

  constructor(connection: Connection, options: KubeClientOptions) {
    const { maxConnections = MAX_CONNECTIONS, timing = SYSTEM_TIMING, fieldManager } = options;
    this.#transport = new Transport(connection, maxConnections);
    this.#timing = timing;
    this.#fieldManager = fieldManager;
  }

  /** Ends every connection, watches too. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Returns an object, or undefined where there is none. */
  async get<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    { subresource, signal }: WriteOptions = {},
  ): Promise<T | undefined> {
    const what = describe("get", resource, ref, subresource);
    const accept = acceptObject(resource);
    try {
      return await this.#object(resource, {
        method: "GET",
        path: pathOf(resource, { ...ref, subresource }),
        what,
        accept,
        signal,
      });
    } catch (thrown) {
      if (isKubeError(thrown, "KUBE_NOT_FOUND")) return undefined;
      throw thrown;
    }
  }

  /** Returns all objects that are selected; a list that expires between two pages is read once more, in one piece. */
  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<Omit<Page<T>, "next">> {
    try {
      return await collect(this.pages(resource, options));
    } catch (thrown) {
      if (!isKubeError(thrown, "KUBE_EXPIRED")) throw thrown;
      return collect(this.pages(resource, { ...options, resourceVersion: undefined, limit: 0 }));
    }
  }

  /** Yields the selected objects page by page; throws KUBE_EXPIRED when the next page can no longer be had. */
  async *pages<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): AsyncGenerator<Page<T>> {
    const { namespace, resourceVersion, resourceVersionMatch, limit = PAGE_LIMIT, signal } = options;
    const path = pathOf(resource, { namespace });
    const what = describe("list", resource, { namespace });
    let next: string | undefined;
    do {
      const query = {
        ...selectors(options),
        limit: limit === 0 ? undefined : String(limit),
        ...(next === undefined ? { resourceVersion, resourceVersionMatch } : { continue: next }),
      };
      const accept = acceptList(resource);
      const page = readPage(
        resource,
        await this.#text({ method: "GET", path, query, what, accept, signal }, MAX_PAGE_BYTES),
        what,
      );
      next = page.next;
      yield page;
    } while (next !== undefined);
  }

  /**
   * Yields what happens after a version; ends when the API server ends it in good order. Throws KUBE_EXPIRED when that
   * version is too old, KUBE_UNREACHABLE when the connection breaks or is silent for too long. It is not tried again.
   */
  async *watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const {
      namespace,
      resourceVersion,
      timeoutSeconds = WATCH_SECONDS,
      silenceMs = WATCH_SILENCE_MS,
      signal,
    } = options;
    const what = describe("watch", resource, { namespace });
    const request: KubeRequest = {
      method: "GET",
      path: pathOf(resource, { namespace }),
      query: {
        ...selectors(options),
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion,
        timeoutSeconds: String(timeoutSeconds),
      },
      what,
      accept: acceptObject(resource),
      signal,
      isLong: true,
      silenceMs,
    };
    for await (const line of readLines(this.#pieces(request), what)) {
      const event = readEvent(resource, line, what);
      if (event !== undefined) yield event;
    }
  }

  /** Makes the fields that are given so (server-side apply): creates the object where there is none. */
  apply<T extends KubeObject>(resource: Resource<T>, object: T, options: ApplyOptions = {}): Promise<T> {
    const { force = true, fieldManager = this.#fieldManager, subresource, signal } = options;
    const { namespace, name } = object.metadata;
    return this.#object(resource, {
      method: "PATCH",
      path: pathOf(resource, { namespace, name, subresource }),
      query: { fieldManager, force: force ? "true" : undefined },
      what: describe("apply", resource, object.metadata, subresource),
      body: object,
      contentType: "application/apply-patch+yaml",
      signal,
    });
  }

  /** Changes the fields that are given and removes those that are null (RFC 7396). */
  mergePatch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: object,
    { subresource, resourceVersion, dryRun, signal }: PatchOptions = {},
  ): Promise<T> {
    const { metadata } = patch as { metadata?: object };
    return this.#object(resource, {
      method: "PATCH",
      path: pathOf(resource, { ...ref, subresource }),
      query: { fieldManager: this.#fieldManager, dryRun: dryRun === true ? "All" : undefined },
      what: describe("patch", resource, ref, subresource),
      body: resourceVersion === undefined ? patch : { ...patch, metadata: { ...metadata, resourceVersion } },
      contentType: "application/merge-patch+json",
      signal,
    });
  }

  /** Creates an object; throws KUBE_CONFLICT where there is one. Not tried again where it may have been carried out. */
  create<T extends KubeObject>(resource: Resource<T>, object: T, { signal }: WriteOptions = {}): Promise<T> {
    const { namespace } = object.metadata;
    const request: KubeRequest = {
      method: "POST",
      path: pathOf(resource, { namespace }),
      query: { fieldManager: this.#fieldManager },
      what: describe("create", resource, object.metadata),
      body: object,
      signal,
    };
    return this.#object(resource, request);
  }

  /** Replaces an object; throws KUBE_CONFLICT when it no longer has the version that is given in its metadata. */
  replace<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    { subresource, signal }: WriteOptions = {},
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.#object(resource, {
      method: "PUT",
      path: pathOf(resource, { namespace, name, subresource }),
      query: { fieldManager: this.#fieldManager },
      what: describe("replace", resource, object.metadata, subresource),
      body: object,
      signal,
    });
  }

  /**
   * Deletes an object: `deleted` when it is gone for certain, `deleting` where finalizers or a grace period may keep it for
   * now, `absent` where there is none. Throws KUBE_CONFLICT when it is not the one that was meant.
   */
  async delete<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    { uid, resourceVersion, propagation = "Background", gracePeriodSeconds, signal }: DeleteOptions = {},
  ): Promise<DeleteOutcome> {
    const preconditions = { uid, resourceVersion };
    const request: KubeRequest = {
      method: "DELETE",
      path: pathOf(resource, ref),
      what: describe("delete", resource, ref),
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        propagationPolicy: propagation,
        preconditions,
        gracePeriodSeconds,
      },
      signal,
    };
    try {
      const answer = readJson(await this.#text(request, MAX_OBJECT_BYTES), request.what);
      return (answer as { kind?: unknown } | null)?.kind === "Status" ? "deleted" : "deleting";
    } catch (thrown) {
      if (isKubeError(thrown, "KUBE_NOT_FOUND")) return "absent";
      throw thrown;
    }
  }

  /** Returns a token of a ServiceAccount. */
  async createToken(
    account: ObjectRef,
    spec: TokenRequest = {},
    signal?: AbortSignal,
  ): Promise<{ token: Secret; expirationTimestamp: string }> {
    const what = describe("create", SERVICE_ACCOUNTS, account, "token");
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
    const path = pathOf(SERVICE_ACCOUNTS, { ...account, subresource: "token" });
    const text = await this.#text({ method: "POST", path, what, body, signal }, MAX_OBJECT_BYTES);
    const { status } = readJson(text, what) as { status?: { token?: string; expirationTimestamp?: string } };
    if (typeof status?.token !== "string" || typeof status.expirationTimestamp !== "string") {
      throw new KubeError("KUBE_REFUSED", `${what}: the answer holds no token`);
    }
    return { token: new Secret(status.token), expirationTimestamp: status.expirationTimestamp };
  }

  /** Yields the log of a pod; a log that is followed may be silent for ever. */
  logs(
    pod: ObjectRef,
    { container, follow, tailLines, sinceSeconds, sinceTime, timestamps, signal }: LogOptions = {},
  ): AsyncGenerator<Uint8Array> {
    return this.#pieces({
      method: "GET",
      path: pathOf(PODS, { ...pod, subresource: "log" }),
      query: {
        container,
        follow: follow === true ? "true" : undefined,
        tailLines: tailLines?.toString(),
        sinceSeconds: sinceSeconds?.toString(),
        sinceTime,
        timestamps: timestamps === true ? "true" : undefined,
      },
      what: describe("get", PODS, pod, "log"),
      accept: "*/*",
      signal,
      isLong: true,
      ...(follow === true ? { silenceMs: 0 } : {}),
    });
  }

  /** Returns what a path of the API server answers, such as `/readyz` or `/version`. */
  text(path: string, signal?: AbortSignal): Promise<string> {
    return this.#text({ method: "GET", path, what: `get ${path}`, accept: "*/*", signal }, MAX_TEXT_BYTES);
  }

  async #object<T extends KubeObject>(resource: Resource<T>, request: KubeRequest): Promise<T> {
    const text = await this.#text(request, MAX_OBJECT_BYTES);
    return readObject(resource, readJson(text, request.what), request.what);
  }

  #text(request: KubeRequest, maxBytes: number): Promise<string> {
    return withRetries(async () => readText(request, await this.#transport.send(request), maxBytes), {
      timing: this.#timing,
      isIdempotent: request.method !== "POST",
      signal: request.signal,
    });
  }

  async *#pieces(request: KubeRequest): AsyncGenerator<Uint8Array> {
    const body = await this.#transport.send(request);
    try {
      yield* body as AsyncIterable<Uint8Array>;
    } catch (thrown) {
      throw brokenOff(request, thrown);
    } finally {
      // The connection is of no further use: whoever leaves in the middle has the rest still in it.
      body.on("error", () => {}).destroy();
    }
  }
}

async function collect<T>(pages: AsyncIterable<Page<T>>): Promise<Omit<Page<T>, "next">> {
  const items: T[] = [];
  let resourceVersion = "";
  for await (const page of pages) {
    for (const item of page.items) items.push(item);
    resourceVersion = page.resourceVersion;
  }
  return { items, resourceVersion };
}

function selectors({ labelSelector, fieldSelector }: Selection): Record<string, string | undefined> {
  return { labelSelector, fieldSelector };
}

function describe(
  verb: string,
  { plural }: Resource<KubeObject>,
  { namespace, name }: Partial<ObjectRef>,
  subresource?: string,
): string {
  const object = name === undefined ? (namespace ?? "") : keyOf({ namespace, name });
  return `${verb} ${plural}${subresource === undefined ? "" : `/${subresource}`} ${object}`.trimEnd();
}
