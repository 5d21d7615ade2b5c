import { expect, test, vi } from "vitest";
import { SYSTEM_TIMING, type Timing } from "../common/timing.ts";
import type { KubeClientOptions } from "./client-options.ts";
import { KubeClient } from "./client.ts";
import {
  sendEvent,
  sendJson,
  sendStatus,
  startFakeApiServer,
  statusOf,
  type FakeApiServer,
} from "./fake-api-server.ts";
import type { KubeError } from "./kube-error.ts";
import { metadataOf, NODES, pathOf, PODS, SECRETS, type Pod } from "./resources.ts";
import type { WatchEvent } from "./watch.ts";

const REF = { namespace: "default", name: "a" };

function minimalPod(name: string, version = "1"): Pod {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", resourceVersion: version } };
}

/** Waits for nothing and remembers how long it should have. */
function impatient(delays: number[] = []): Timing {
  return { ...SYSTEM_TIMING, random: () => 0.5, delay: async (milliseconds) => void delays.push(milliseconds) };
}

function connect(server: FakeApiServer, options: Partial<KubeClientOptions> = {}): KubeClient & AsyncDisposable {
  const client = new KubeClient(server.connection, { fieldManager: "test", timing: impatient(), ...options });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

async function failure(work: Promise<unknown>): Promise<KubeError> {
  return work.then(
    () => expect.unreachable("it should have failed"),
    (thrown: KubeError) => thrown,
  );
}

async function collect<T>(events: AsyncIterable<WatchEvent<T>>, into: WatchEvent<T>[] = []): Promise<WatchEvent<T>[]> {
  for await (const event of events) into.push(event);
  return into;
}

test("client: an object comes with its kind and without managedFields, and a missing one is undefined", async () => {
  await using server = await startFakeApiServer((response, _, n) =>
    n === 0
      ? sendJson(response, { metadata: { ...minimalPod("a").metadata, managedFields: [{}] } })
      : sendStatus(response, 404, "NotFound"),
  );
  await using client = connect(server);
  expect(await client.get(PODS, REF)).toEqual(minimalPod("a"));
  expect(await client.get(PODS, REF)).toBeUndefined();
  expect(server.requests[0]).toBe("GET /api/v1/namespaces/default/pods/a");
  expect(server.headers[0]).toMatchObject({ authorization: "Bearer t0ken", "user-agent": "wasmlet" });
});

test("client: writes say who writes, what and under which conditions", async () => {
  await using server = await startFakeApiServer((response) => sendJson(response, minimalPod("a", "2")));
  await using client = connect(server);
  const pod = minimalPod("a");
  await client.apply(PODS, pod, { subresource: "status" });
  await client.mergePatch(PODS, REF, { metadata: { labels: { x: null } } }, { resourceVersion: "7" });
  await client.create(PODS, pod);
  await client.replace(PODS, pod);
  expect(await client.delete(PODS, REF, { uid: "u", resourceVersion: "7" })).toBe("deleting");
  expect(server.requests).toEqual([
    "PATCH /api/v1/namespaces/default/pods/a/status?fieldManager=test&force=true",
    "PATCH /api/v1/namespaces/default/pods/a?fieldManager=test",
    "POST /api/v1/namespaces/default/pods?fieldManager=test",
    "PUT /api/v1/namespaces/default/pods/a?fieldManager=test",
    "DELETE /api/v1/namespaces/default/pods/a",
  ]);
  expect(server.headers.map((headers) => headers["content-type"])).toEqual([
    "application/apply-patch+yaml",
    "application/merge-patch+json",
    ...Array.from({ length: 3 }, () => "application/json"),
  ]);
  expect(server.bodies[1]).toEqual({ metadata: { labels: { x: null }, resourceVersion: "7" } });
  expect(server.bodies[4]).toMatchObject({
    propagationPolicy: "Background",
    preconditions: { uid: "u", resourceVersion: "7" },
  });
});

test.each([
  [401, "Unauthorized", "KUBE_FORBIDDEN"],
  [403, "Forbidden", "KUBE_FORBIDDEN"],
  [404, "NotFound", "KUBE_NOT_FOUND"],
  [409, "AlreadyExists", "KUBE_CONFLICT"],
  [410, "Expired", "KUBE_EXPIRED"],
  [422, "Invalid", "KUBE_INVALID"],
  [500, "InternalError", "KUBE_REFUSED"],
])("client: a refusal with status %i (%s) is %s, and not tried again", async (status, reason, code) => {
  await using server = await startFakeApiServer((response) => sendStatus(response, status, reason));
  await using client = connect(server);
  const thrown = await failure(client.apply(PODS, minimalPod("a")));
  expect(thrown).toMatchObject({ code, facts: { status, reason } });
  expect(thrown.message).toBe(`apply pods default/a: the reason is ${reason}`);
  expect(server.requests).toHaveLength(1);
});

test("client: the fields that an object is refused for are named", async () => {
  const causes = [{ field: "spec.port", reason: "FieldValueInvalid", message: "must be positive" }];
  await using server = await startFakeApiServer((response) =>
    sendJson(response, { ...statusOf(422, "Invalid"), details: { causes } }, 422),
  );
  await using client = connect(server);
  expect((await failure(client.apply(PODS, minimalPod("a")))).facts.causes).toEqual(causes);
});

test("client: a full server is asked again, not before it says so; a creation too", async () => {
  const delays: number[] = [];
  await using server = await startFakeApiServer((response, _, n) =>
    n < 2 ? sendStatus(response, 429, "TooManyRequests", { "retry-after": "3" }) : sendJson(response, minimalPod("a")),
  );
  await using client = connect(server, { timing: impatient(delays) });
  await client.create(PODS, minimalPod("a"));
  expect(delays).toEqual([3075, 3150]);
});

test("client: contract: a creation that may have been carried out is not tried again, an apply is", async () => {
  await using server = await startFakeApiServer((response) => response.destroy());
  await using client = connect(server);
  expect(await failure(client.create(PODS, minimalPod("a")))).toMatchObject({ code: "KUBE_UNREACHABLE" });
  expect(server.requests).toHaveLength(1);
  expect(await failure(client.apply(PODS, minimalPod("a")))).toMatchObject({ code: "KUBE_UNREACHABLE" });
  expect(server.requests).toHaveLength(6);
});

test("client: a server that is not there is unreachable", async () => {
  const { connection } = await startFakeApiServer(() => {}).then(async (server) => {
    await server[Symbol.asyncDispose]();
    return server;
  });
  await using client = connect({ connection } as FakeApiServer);
  expect(await failure(client.create(PODS, minimalPod("a")))).toMatchObject({
    code: "KUBE_UNREACHABLE",
    facts: { transience: "not-processed" },
  });
});

test("client: an answer that is no object of the API is refused", async () => {
  const answers = ["<html>", "null", "{}", '{"metadata":{"name":"a"}}'];
  await using server = await startFakeApiServer((response, _, n) => response.end(answers[n]));
  await using client = connect(server);
  for (const _ of answers) expect(await failure(client.get(PODS, REF))).toMatchObject({ code: "KUBE_REFUSED" });
});

test("client: a long list comes page by page", async () => {
  await using server = await startFakeApiServer((response, { url }) =>
    url!.includes("continue=")
      ? sendJson(response, { items: [minimalPod("b")], metadata: { resourceVersion: "9" } })
      : sendJson(response, { items: [minimalPod("a")], metadata: { resourceVersion: "9", continue: "x y" } }),
  );
  await using client = connect(server);
  const { items, resourceVersion } = await client.list(PODS, { namespace: "default", limit: 1, labelSelector: "a=b" });
  expect(items.map(({ metadata, kind }) => [metadata.name, kind])).toEqual([
    ["a", "Pod"],
    ["b", "Pod"],
  ]);
  expect(resourceVersion).toBe("9");
  expect(server.requests).toEqual([
    "GET /api/v1/namespaces/default/pods?labelSelector=a%3Db&limit=1",
    "GET /api/v1/namespaces/default/pods?labelSelector=a%3Db&limit=1&continue=x+y",
  ]);
});

test("client: contract: a list whose next page has expired is read once more in one piece", async () => {
  await using server = await startFakeApiServer((response, { url }) => {
    if (url!.includes("continue=")) return sendStatus(response, 410, "Expired");
    const next = url!.includes("limit=") ? { continue: "x" } : {};
    return sendJson(response, { items: [minimalPod("a")], metadata: { resourceVersion: "9", ...next } });
  });
  await using client = connect(server);
  expect((await client.list(PODS)).items).toHaveLength(1);
  expect(server.requests.at(-1)).toBe("GET /api/v1/pods");
});

test("client: of Secrets nothing but the metadata is asked for", async () => {
  await using server = await startFakeApiServer((response) =>
    sendJson(response, { items: null, metadata: { resourceVersion: "1" } }),
  );
  await using client = connect(server);
  await client.list(metadataOf(SECRETS));
  expect(server.headers[0]!.accept).toBe("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
});

test("client: a watch yields events and bookmarks, and ends with the response", async () => {
  await using server = await startFakeApiServer((response) => {
    sendEvent(response, "ADDED", minimalPod("a", "5"));
    sendEvent(response, "FUTURE", {});
    sendEvent(response, "BOOKMARK", { metadata: { resourceVersion: "6" } });
    response.write('{"type":"DELETED",');
    setTimeout(() => response.end(`"object":${JSON.stringify(minimalPod("a", "7"))}}\n`), 20);
  });
  await using client = connect(server);
  expect(await collect(client.watch(PODS, { resourceVersion: "4", timeoutSeconds: 60 }))).toEqual([
    { type: "ADDED", object: minimalPod("a", "5") },
    { type: "BOOKMARK", resourceVersion: "6" },
    { type: "DELETED", object: minimalPod("a", "7") },
  ]);
  expect(server.requests).toEqual([
    "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=4&timeoutSeconds=60",
  ]);
});

test.each<[what: string, code: string, answer: (response: Parameters<typeof sendEvent>[0]) => unknown]>([
  [
    "an ERROR event of an expired version",
    "KUBE_EXPIRED",
    (response) => sendEvent(response, "ERROR", statusOf(410, "Expired")),
  ],
  ["an ERROR event that is no Status", "KUBE_REFUSED", (response) => sendEvent(response, "ERROR", {})],
  ["an answer of 410", "KUBE_EXPIRED", (response) => sendStatus(response, 410, "Gone")],
  ["a line that is not JSON", "KUBE_REFUSED", (response) => response.end("<html>\n")],
  ["an object without a version", "KUBE_REFUSED", (response) => sendEvent(response, "ADDED", { metadata: {} })],
  ["a line that is cut off", "KUBE_UNREACHABLE", (response) => response.end('{"type":"ADDED","obj')],
  [
    "a connection that is cut off",
    "KUBE_UNREACHABLE",
    (response) => (response.flushHeaders(), setTimeout(() => response.destroy(), 20)),
  ],
  ["silence", "KUBE_UNREACHABLE", (response) => response.flushHeaders()],
  ["a line without an end", "KUBE_REFUSED", (response) => response.write("x".repeat(9 * 1024 * 1024))],
])("client: a watch fails at %s with %s", async (_, code, answer) => {
  await using server = await startFakeApiServer(answer);
  await using client = connect(server);
  const thrown = await failure(collect(client.watch(PODS, { resourceVersion: "4", silenceMs: 200 })));
  expect(thrown).toMatchObject({ code });
});

test("client: a watch that is left or aborted frees its connection", async () => {
  const closed: number[] = [];
  await using server = await startFakeApiServer((response, _, n) => {
    response.on("close", () => closed.push(n));
    sendEvent(response, "ADDED", minimalPod("a", "5"));
  });
  await using client = connect(server);
  for await (const event of client.watch(PODS, { resourceVersion: "4" })) {
    expect(event.type).toBe("ADDED");
    break;
  }
  const controller = new AbortController();
  const events: WatchEvent<Pod>[] = [];
  const watching = failure(collect(client.watch(PODS, { resourceVersion: "4", signal: controller.signal }), events));
  await vi.waitFor(() => expect(events).toHaveLength(1));
  controller.abort(new Error("enough"));
  expect((await watching).message).toBe("enough");
  await vi.waitFor(() => expect(closed).toEqual([0, 1]));
});

test("client: contract: watches do not keep requests waiting, however many there are", async () => {
  await using server = await startFakeApiServer((response, { url }) =>
    url!.includes("watch=true") ? response.flushHeaders() : sendJson(response, minimalPod("a")),
  );
  await using client = connect(server, { maxConnections: 1 });
  const controller = new AbortController();
  const { signal } = controller;
  const watches = Array.from({ length: 50 }, () =>
    failure(collect(client.watch(PODS, { resourceVersion: "4", signal }))),
  );
  await client.get(PODS, REF);
  controller.abort();
  await Promise.all(watches);
});

test("client: a token of a ServiceAccount does not show", async () => {
  const status = { token: "ey.secret", expirationTimestamp: "2026-01-01T00:00:00Z" };
  await using server = await startFakeApiServer((response) => sendJson(response, { status }));
  await using client = connect(server);
  const { token } = await client.createToken(REF, { audiences: ["x"], expirationSeconds: 600 });
  expect([String(token), token.reveal()]).toEqual(["REDACTED", "ey.secret"]);
  expect(server.requests).toEqual(["POST /api/v1/namespaces/default/serviceaccounts/a/token"]);
});

test("client: a log is a stream", async () => {
  await using server = await startFakeApiServer((response) => response.end("line 1\nline 2\n"));
  await using client = connect(server);
  const pieces: Uint8Array[] = [];
  for await (const piece of client.logs(REF, { container: "main", tailLines: 2 })) pieces.push(piece);
  expect(Buffer.concat(pieces).toString()).toBe("line 1\nline 2\n");
  expect(server.requests).toEqual(["GET /api/v1/namespaces/default/pods/a/log?container=main&tailLines=2"]);
});

test("resources: a path never leads anywhere else", () => {
  expect(pathOf(PODS, { namespace: "a/b", name: "c?d" })).toBe("/api/v1/namespaces/a%2Fb/pods/c%3Fd");
  expect(() => pathOf(PODS, { namespace: "default", name: ".." })).toThrow(TypeError);
  expect(() => pathOf(PODS, { name: "a" })).toThrow("pods live in namespaces: a");
  expect(() => pathOf(NODES, REF)).toThrow("nodes belong to the cluster: a");
});
