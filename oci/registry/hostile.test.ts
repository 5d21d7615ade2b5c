import type { ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { WasmletError } from "../../common/errors.ts";
import { Secret } from "../../common/secret.ts";
import { digestOf } from "../digest.ts";
import { OCI_INDEX, OCI_MANIFEST, WASM_CONFIG, WASM_LAYER } from "../media-types.ts";
import { parseReference } from "../reference.ts";
import { RegistryClient } from "./client.ts";
import { createFakeTiming, noise, startFakeRegistry, type Answer, type FakeTiming } from "./fake-registry.ts";

/*
 * Registries that lie, stall, flood and lead astray. Each ends in an error whose code says what it did, after a bounded
 * number of requests and bytes, and no secret is in what is said or sent elsewhere.
 */

const BLOB = noise(100_000);
const DESCRIPTOR = { mediaType: WASM_LAYER, digest: digestOf(BLOB), size: BLOB.length };
const CONFIG = { mediaType: WASM_CONFIG, digest: digestOf(Buffer.from("{}")), size: 2 };
const MANIFEST = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: CONFIG, layers: [DESCRIPTOR] };
const PASSWORD = "correct horse battery staple";
const PINNED = `sha256:${"0".repeat(64)}`;

interface Outcome {
  error: WasmletError;
  requests: string[];
  authorizations: (string | undefined)[];
  timing: FakeTiming;
}

/** Pulls from a registry that answers like this and returns the error that it ends in. */
async function suffer(
  answer: Answer,
  what: "manifest" | "pinned" | "blob",
  timing = createFakeTiming(),
): Promise<Outcome> {
  flooded = 0;
  await using registry = await startFakeRegistry(answer);
  const client = RegistryClient.create({
    timing,
    plainHttp: [registry.host],
    credentials: () => Promise.resolve({ kind: "password", username: "ada", password: new Secret(PASSWORD) }),
  });
  const reference = parseReference(`${registry.host}/app${what === "pinned" ? `@${PINNED}` : ":1"}`);
  const pull = what === "blob" ? client.blob(reference, DESCRIPTOR, buffer) : client.manifest(reference);
  const error: unknown = await pull.then(
    () => new Error("it succeeded"),
    (thrown: unknown) => thrown,
  );
  await client.close();
  if (!(error instanceof WasmletError)) throw error;
  expect(flooded).toBeLessThan(MAX_FLOOD_BYTES);
  const said = JSON.stringify({ ...error.toJSON(), stack: error.stack });
  for (const secret of [PASSWORD, Buffer.from(`ada:${PASSWORD}`).toString("base64")])
    expect(said).not.toContain(secret);
  return { error, requests: registry.requests, authorizations: registry.authorizations, timing };
}

/** What the last flood came to: the sender stops when nobody listens any more. */
let flooded = 0;
/** The largest manifest, and what sockets hold. */
const MAX_FLOOD_BYTES = 16 * 1024 * 1024;

/** Writes until nobody listens, and no more than a memory could take. */
function flood(response: ServerResponse): true {
  const piece = noise(64 * 1024);
  let left = 4096;
  const write = (): void => {
    while (left-- > 0 && !response.destroyed && (flooded += piece.length) > 0)
      if (!response.write(piece)) return void response.once("drain", write);
    response.end();
  };
  write();
  return true;
}

function sendManifest(response: ServerResponse, manifest: unknown, type = OCI_MANIFEST): unknown {
  return response.setHeader("content-type", type).end(JSON.stringify(manifest));
}

const manifestCases: [name: string, code: string, answer: Answer][] = [
  ["an endless manifest", "OCI_TOO_LARGE", (_, response) => flood(response)],
  [
    "a manifest that says it is huge",
    "OCI_TOO_LARGE",
    (_, response) => response.setHeader("content-length", 2 ** 40).end(),
  ],
  ["an endless error page", "OCI_NOT_FOUND", (_, response) => flood(response.writeHead(404))],
  [
    "a web page",
    "OCI_MANIFEST_INVALID",
    (_, response) => response.setHeader("content-type", "text/html").end("<html>"),
  ],
  ["nothing", "OCI_MANIFEST_INVALID", (_, response) => response.setHeader("content-type", OCI_MANIFEST).end()],
  ["a list", "OCI_MANIFEST_INVALID", (_, response) => sendManifest(response, [])],
  ["docker's first version", "OCI_MANIFEST_INVALID", (_, response) => sendManifest(response, { schemaVersion: 1 })],
  [
    "a manifest that is sent as an index",
    "OCI_MANIFEST_INVALID",
    (_, response) => sendManifest(response, MANIFEST, OCI_INDEX),
  ],
  [
    "a manifest that is an index too",
    "OCI_MANIFEST_INVALID",
    (_, response) => sendManifest(response, { ...MANIFEST, manifests: [] }),
  ],
  [
    "a manifest that is neither",
    "OCI_MANIFEST_INVALID",
    (_, response) => sendManifest(response, { ...MANIFEST, mediaType: "application/json" }, "application/json"),
  ],
  [
    "too many layers",
    "OCI_MANIFEST_INVALID",
    (_, response) => sendManifest(response, { ...MANIFEST, layers: Array.from({ length: 513 }, () => DESCRIPTOR) }),
  ],
  [
    "a size below nothing",
    "OCI_MANIFEST_INVALID",
    (_, response) => sendManifest(response, { ...MANIFEST, layers: [{ ...DESCRIPTOR, size: -1 }] }),
  ],
  [
    "a digest that leads elsewhere",
    "OCI_MANIFEST_INVALID",
    (_, response) => sendManifest(response, { ...MANIFEST, layers: [{ ...DESCRIPTOR, digest: "sha256:../../x" }] }),
  ],
  [
    "a digest of its own that is wrong",
    "OCI_DIGEST_MISMATCH",
    (_, response) => sendManifest(response.setHeader("docker-content-digest", PINNED), MANIFEST),
  ],
  ["an unknown status", "OCI_RESPONSE_INVALID", (_, response) => response.writeHead(418).end()],
  ["headers without end", "OCI_UNREACHABLE", (_, response) => response.setHeader("x-long", "a".repeat(200_000)).end()],
  ["no HTTP", "OCI_UNREACHABLE", (request) => request.socket.end("SSH-2.0-OpenSSH\r\n\r\n")],
];

test.each(manifestCases)("hostile registry: %s is %s", async (_, code, answer) => {
  const { error, requests } = await suffer(answer, "manifest");
  expect(error.code).toBe(code);
  expect(requests.length).toBeLessThanOrEqual(5);
});

test("hostile registry: another manifest than the pinned one is OCI_DIGEST_MISMATCH, whatever the headers say", async () => {
  const { error } = await suffer(
    (_, response) => sendManifest(response.setHeader("docker-content-digest", PINNED), MANIFEST),
    "pinned",
  );
  expect(error).toMatchObject({ code: "OCI_DIGEST_MISMATCH", details: { expected: PINNED } });
});

const blobCases: [name: string, code: string, answer: Answer][] = [
  ["no service at all", "OCI_UNREACHABLE", (_, response) => response.writeHead(503).end()],
  ["other bytes", "OCI_DIGEST_MISMATCH", (_, response) => response.end(Buffer.alloc(BLOB.length))],
  ["an endless blob", "OCI_SIZE_MISMATCH", (_, response) => flood(response)],
  ["a length that is too large", "OCI_SIZE_MISMATCH", (_, response) => response.end(Buffer.alloc(BLOB.length + 1))],
  ["a length that is too small", "OCI_SIZE_MISMATCH", (_, response) => response.end(BLOB.subarray(1))],
  [
    "a stream that ends early each time",
    "OCI_SIZE_MISMATCH",
    (_, response) => (response.write(BLOB.subarray(1)), response.end()),
  ],
  [
    "another part than was asked for",
    "OCI_RESPONSE_INVALID",
    (request, response) => {
      if (request.headers.range !== undefined)
        return response.writeHead(206, { "content-range": "bytes 0-9/10" }).end();
      return response.write(BLOB.subarray(0, 10), () => response.destroy());
    },
  ],
];

test.each(blobCases)("hostile registry: %s is %s", async (_, code, answer) => {
  const { error, requests } = await suffer(answer, "blob");
  expect(error.code).toBe(code);
  expect(requests.length).toBeLessThanOrEqual(5);
});

test("hostile registry: a blob that breaks off after each byte is given up after a bounded number of tries", async () => {
  const { error, requests } = await suffer((request, response) => {
    const offset = Number(/\d+/.exec(request.headers.range ?? "0")?.[0]);
    response.writeHead(offset === 0 ? 200 : 206, {
      "content-length": BLOB.length - offset,
      "content-range": `bytes ${offset}-${BLOB.length - 1}/${BLOB.length}`,
    });
    return response.write(BLOB.subarray(offset, offset + 1), () => response.destroy());
  }, "blob");
  expect(error.code).toBe("OCI_TRANSFER_FAILED");
  expect(requests.length).toBeLessThanOrEqual(17);
});

test("hostile registry: a blob that drips is given up as too slow", async () => {
  const timing = createFakeTiming();
  let sent = 0;
  const { error } = await suffer(
    (_, response) => {
      response.setHeader("content-length", BLOB.length);
      const drip = (): void => {
        timing.advance(20_000);
        if (!response.destroyed) response.write(BLOB.subarray(sent, ++sent), () => setImmediate(drip));
      };
      drip();
      return true;
    },
    "blob",
    timing,
  );
  expect(error).toMatchObject({ code: "OCI_TRANSFER_FAILED", message: "the registry sends too slowly" });
  expect(sent).toBeLessThan(BLOB.length);
});

const redirectCases: [name: string, code: string, location: (host: string, count: number) => string][] = [
  ["in a circle", "OCI_REDIRECT", () => "/v2/app/manifests/1"],
  ["on and on", "OCI_REDIRECT", (_, count) => `/v2/app/manifests/${count}`],
  ["to no address", "OCI_REDIRECT", () => "http://[::"],
  ["to a file", "OCI_REDIRECT", () => "file:///etc/passwd"],
  ["to an address with credentials", "OCI_REDIRECT", (host) => `http://ada:secret@${host}/`],
  ["to plain HTTP elsewhere", "OCI_INSECURE", () => "http://storage.test/blob"],
];

test.each(redirectCases)("hostile registry: redirects %s are %s", async (_, code, location) => {
  let count = 0;
  const { error, requests } = await suffer(
    (request, response) => response.writeHead(302, { location: location(request.headers.host ?? "", ++count) }).end(),
    "manifest",
  );
  expect(error.code).toBe(code);
  expect(requests.length).toBeLessThanOrEqual(6);
});

test("hostile registry: 401 to everything ends after one token", async () => {
  let tokens = 0;
  const { error, requests } = await suffer((request, response, path) => {
    if (path.startsWith("/token")) return response.end(JSON.stringify({ token: `t${++tokens}` }));
    const realm = `http://${request.headers.host}/token`;
    return response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
  }, "manifest");
  expect(error.code).toBe("OCI_UNAUTHORIZED");
  expect(requests.filter((request) => request.includes("/token"))).toHaveLength(1);
  expect(requests).toHaveLength(3);
});

const tokenCases: [name: string, code: string, realm: string | undefined, answer: Answer][] = [
  ["an endless token", "OCI_RESPONSE_INVALID", undefined, (_, response) => flood(response)],
  ["a token that is none", "OCI_RESPONSE_INVALID", undefined, (_, response) => response.end('{"token":"a\\r\\nb: c"}')],
  ["no token", "OCI_RESPONSE_INVALID", undefined, (_, response) => response.end("{}")],
  ["a refusal", "OCI_UNAUTHORIZED", undefined, (_, response) => response.writeHead(401).end()],
  [
    "an echo of the password",
    "OCI_UNAUTHORIZED",
    undefined,
    (_, response) =>
      response.writeHead(403).end(JSON.stringify({ errors: [{ code: "DENIED", message: `not ${PASSWORD}` }] })),
  ],
  ["a token server in plain HTTP elsewhere", "OCI_INSECURE", "http://tokens.test/token", () => undefined],
  ["a token server that is none", "OCI_RESPONSE_INVALID", "tokens", () => undefined],
];

test.each(tokenCases)("hostile registry: %s is %s", async (_, code, elsewhere, answer) => {
  const { error } = await suffer((request, response, path) => {
    if (path.startsWith("/token")) return answer(request, response, path);
    const realm = elsewhere ?? `http://${request.headers.host}/token`;
    return response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
  }, "manifest");
  expect(error.code).toBe(code);
});

test("hostile registry: token servers that fail leave no slot taken", async () => {
  await using registry = await startFakeRegistry((_, response) =>
    response.writeHead(401, { "www-authenticate": 'Bearer realm="file:///token"' }).end(),
  );
  const client = RegistryClient.create({
    timing: createFakeTiming(),
    plainHttp: [registry.host],
    maxRequestsPerHost: 1,
  });
  const reference = parseReference(`${registry.host}/app:1`);
  for (let attempt = 0; attempt < 3; attempt++) {
    await expect(client.manifest(reference)).rejects.toHaveProperty("code", "OCI_REDIRECT");
  }
  await client.close();
});

test("hostile registry: whoever it redirects to cannot ask for credentials", async () => {
  await using thief = await startFakeRegistry((request, response) =>
    response
      .writeHead(401, { "www-authenticate": `Bearer realm="http://${request.headers.host}/token", Basic realm="x"` })
      .end(),
  );
  const { error } = await suffer(
    (_, response) => response.writeHead(307, { location: `http://${thief.host}/blob` }).end(),
    "blob",
  );
  expect(error.code).toBe("OCI_UNAUTHORIZED");
  expect(thief.requests).toEqual(["GET /blob"]);
  expect(thief.authorizations).toEqual([undefined]);
});

test("hostile registry: 429 for an hour is OCI_RATE_LIMITED at once, and says for how long", async () => {
  const { error, requests, timing } = await suffer(
    (_, response) => response.writeHead(429, { "retry-after": "3600" }).end(),
    "manifest",
  );
  expect(error.code).toBe("OCI_RATE_LIMITED");
  expect(error.message).toContain("3600 seconds");
  expect([requests.length, timing.delays.length]).toEqual([1, 0]);
});

test("hostile registry: 429 again and again is OCI_RATE_LIMITED after five tries", async () => {
  const { error, requests } = await suffer((_, response) => response.writeHead(429).end(), "manifest");
  expect(error.code).toBe("OCI_RATE_LIMITED");
  expect(requests).toHaveLength(5);
});

test("hostile registry: what it says is shown without control characters, and not at length", async () => {
  const message = `\u001B[31mred${"!".repeat(10_000)}`;
  const { error } = await suffer(
    (_, response) => response.writeHead(403).end(JSON.stringify({ errors: [{ message }] })),
    "manifest",
  );
  expect(error.details.actual).toMatch(/^HTTP status 403: {2}\[31mred!{100,256}$/);
});
