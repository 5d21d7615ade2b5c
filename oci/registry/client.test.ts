import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { Secret } from "../../common/secret.ts";
import { digestOf } from "../digest.ts";
import { OCI_MANIFEST, WASM_CONFIG, WASM_LAYER } from "../media-types.ts";
import { parseReference } from "../reference.ts";
import { RegistryClient, type RegistryOptions } from "./client.ts";
import { createFakeTiming, noise, startFakeRegistry, type Answer, type FakeRegistry } from "./fake-registry.ts";

const BLOB = noise(200_000);
const DESCRIPTOR = { mediaType: WASM_LAYER, digest: digestOf(BLOB), size: BLOB.length };
const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: WASM_CONFIG, digest: digestOf(Buffer.from("{}")), size: 2 },
    layers: [DESCRIPTOR],
  }),
);
const PASSWORD = "correct horse battery staple";
const credentials = async (): Promise<{ kind: "password"; username: string; password: Secret }> =>
  Promise.resolve({ kind: "password", username: "ada", password: new Secret(PASSWORD) });

function createClient(options: RegistryOptions = {}): RegistryClient & AsyncDisposable {
  const client = RegistryClient.create({ timing: createFakeTiming(), ...options });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

const serve: Answer = (_, response, path) => {
  if (path.endsWith("/manifests/1")) return response.setHeader("content-type", OCI_MANIFEST).end(MANIFEST);
  return path.endsWith(`/blobs/${DESCRIPTOR.digest}`) ? response.end(BLOB) : undefined;
};

async function pull(client: RegistryClient, host: string): Promise<Buffer> {
  const reference = parseReference(`${host}/app:1`);
  await client.manifest(reference);
  return client.blob(reference, DESCRIPTOR, buffer);
}

test("client: a manifest and a blob come verified, in plain HTTP from this machine", async () => {
  await using registry = await startFakeRegistry(serve);
  await using client = createClient();
  const { content, descriptor } = await client.manifest(parseReference(`${registry.host}/app:1`));
  expect(content).toMatchObject({ kind: "manifest", manifest: { layers: [DESCRIPTOR] } });
  expect(descriptor).toEqual({ mediaType: OCI_MANIFEST, digest: digestOf(MANIFEST), size: MANIFEST.length });
  expect(await pull(client, registry.host)).toEqual(BLOB);
  expect(registry.authorizations.every((header) => header === undefined)).toBe(true);
});

/** A registry that wants a token of `tokens`, which wants a password where one is given. */
function guarded(realm: () => string, accepts: (token: string | undefined) => boolean): Answer {
  return (request, response, path) => {
    if (accepts(request.headers.authorization)) return serve(request, response, path);
    const challenge = `Bearer realm="${realm()}",service="registry.test",scope="repository:app:pull"`;
    return response.writeHead(401, { "www-authenticate": challenge }).end();
  };
}

test("client: asks once for a token with the scope it needs, and uses it until it expires", async () => {
  let issued = 0;
  await using tokens = await startFakeRegistry((_, response) =>
    response.end(JSON.stringify({ token: `t${++issued}`, expires_in: 300 })),
  );
  await using registry = await startFakeRegistry(
    guarded(
      () => `http://${tokens.host}/token`,
      (header) => header === `Bearer t${issued}`,
    ),
  );
  const timing = createFakeTiming();
  await using client = createClient({ timing, credentials });
  await pull(client, registry.host);
  await Promise.all([pull(client, registry.host), pull(client, registry.host)]);
  const basic = `Basic ${Buffer.from(`ada:${PASSWORD}`).toString("base64")}`;
  expect(tokens.requests).toEqual(["GET /token?service=registry.test&scope=repository%3Aapp%3Apull&account=ada"]);
  expect(tokens.authorizations).toEqual([basic]);
  expect(registry.authorizations).not.toContain(basic);
  timing.advance(300_000);
  await pull(client, registry.host);
  expect(tokens.requests).toHaveLength(2);
});

test("client: a token server on the registry's own host is asked, however few slots it has", async () => {
  let host = "";
  const guard = guarded(
    () => `http://${host}/token`,
    (header) => header === "Bearer t",
  );
  await using registry = await startFakeRegistry((request, response, path) =>
    path.startsWith("/token") ? response.end('{"token":"t"}') : guard(request, response, path),
  );
  host = registry.host;
  await using client = createClient({ maxRequestsPerHost: 1, plainHttp: [host] });
  expect(await Promise.all([pull(client, host), pull(client, host)])).toEqual([BLOB, BLOB]);
});

test("client: an identity token is exchanged by POST, and a token that is refused is replaced once", async () => {
  let body = "";
  let issued = 0;
  await using tokens = await startFakeRegistry((request, response) => {
    request.on("data", (chunk: Buffer) => (body += String(chunk)));
    return request.on("end", () => response.end(JSON.stringify({ access_token: `t${++issued}` })));
  });
  let accepted = "Bearer t1";
  await using registry = await startFakeRegistry(
    guarded(
      () => `http://${tokens.host}/token`,
      (header) => header === accepted,
    ),
  );
  await using client = createClient({
    credentials: () => Promise.resolve({ kind: "identity-token", token: new Secret("refresh") }),
  });
  await pull(client, registry.host);
  expect(body).toContain("grant_type=refresh_token");
  expect(body).toContain("refresh_token=refresh");
  accepted = "Bearer t2";
  await pull(client, registry.host);
  expect(tokens.requests).toEqual(["POST /token", "POST /token"]);
});

test("client: Basic credentials go to the registry that asks for them and not along with a redirect", async () => {
  await using storage = await startFakeRegistry((_, response) => response.end(BLOB));
  await using registry = await startFakeRegistry((request, response, path) => {
    if (request.headers.authorization === undefined) {
      return response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
    }
    if (!path.includes("/blobs/")) return serve(request, response, path);
    return response.writeHead(307, { location: `http://${storage.host}/blob?signature=secret` }).end();
  });
  await using client = createClient({ credentials });
  expect(await pull(client, registry.host)).toEqual(BLOB);
  expect(storage.requests).toEqual(["GET /blob?signature=secret"]);
  expect(storage.authorizations).toEqual([undefined]);
});

test("client: mirrors are asked first, and the registry where they cannot answer or send the wrong bytes", async () => {
  await using missing = await startFakeRegistry(() => undefined);
  await using lying = await startFakeRegistry((request, response, path) =>
    path.includes("/blobs/") ? response.end(noise(BLOB.length - 1)) : serve(request, response, path),
  );
  await using registry = await startFakeRegistry(serve);
  await using client = createClient({ mirrors: new Map([[registry.host, [missing.host, lying.host]]]) });
  expect(await pull(client, registry.host)).toEqual(BLOB);
  const blob = `GET /v2/app/blobs/${DESCRIPTOR.digest}`;
  expect(lying.requests.slice(-2)).toEqual(["GET /v2/app/manifests/1", blob]);
  expect(registry.requests).toEqual([blob]);
});

test("client: a blob that breaks off is taken up where it broke", async () => {
  const asked: (string | undefined)[] = [];
  await using registry = await startFakeRegistry((request, response) => {
    const { range } = request.headers;
    asked.push(range);
    const offset = range === undefined ? 0 : Number(/\d+/.exec(range)?.[0]);
    if (range !== undefined) {
      response.statusCode = 206;
      response.setHeader("content-range", `bytes ${offset}-${BLOB.length - 1}/${BLOB.length}`);
    }
    response.setHeader("content-length", BLOB.length - offset);
    const end = Math.min(offset + 70_000, BLOB.length);
    response.write(BLOB.subarray(offset, end), () => end < BLOB.length && response.destroy());
    return end === BLOB.length ? response.end() : true;
  });
  await using client = createClient();
  const reference = parseReference(`${registry.host}/app:1`);
  expect(await client.blob(reference, DESCRIPTOR, buffer)).toEqual(BLOB);
  expect(asked.length).toBeGreaterThan(2);
  expect(asked.slice(1).every((range) => range?.startsWith("bytes=") === true)).toBe(true);
});

test("client: a registry without ranges sends all of it again, and what is known is passed over", async () => {
  let count = 0;
  await using registry = await startFakeRegistry((_, response) => {
    response.setHeader("content-length", BLOB.length);
    if (count++ > 0) return response.end(BLOB);
    return response.write(BLOB.subarray(0, 1000), () => response.destroy());
  });
  await using client = createClient();
  const reference = parseReference(`${registry.host}/app:1`);
  expect(await client.blob(reference, DESCRIPTOR, buffer)).toEqual(BLOB);
  expect(count).toBe(2);
});

test("client: what a busy registry refuses is tried again, after the time it asks for", async () => {
  let count = 0;
  await using registry = await startFakeRegistry((request, response, path) => {
    count++;
    if (count === 1) return response.writeHead(503).end();
    if (count === 2) return response.writeHead(429, { "retry-after": "7" }).end();
    return serve(request, response, path);
  });
  const timing = createFakeTiming();
  await using client = createClient({ timing, plainHttp: [registry.host] });
  await client.manifest(parseReference(`${registry.host}/app:1`));
  expect(timing.delays).toEqual([375, 7000]);
});

test("client: exchanges with one host are bounded", async () => {
  let open = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  await using registry = await startFakeRegistry((_, response) => {
    most = Math.max(most, ++open);
    const finish = (): void => {
      open--;
      response.end(BLOB);
    };
    waiting.push(finish);
    // The second of two lets both go: with one slot more there would be a third.
    if (waiting.length === 2) setImmediate(() => waiting.splice(0).forEach((finish) => finish()));
    return true;
  });
  await using client = createClient({ maxRequestsPerHost: 2, plainHttp: [registry.host] });
  const reference = parseReference(`${registry.host}/app:1`);
  await Promise.all(Array.from({ length: 6 }, () => client.blob(reference, DESCRIPTOR, buffer)));
  expect(most).toBe(2);
});

test("client: other hosts are reached through the proxy, this machine is not", async () => {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader("content-type", OCI_MANIFEST).end(MANIFEST);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  await using registry = await startFakeRegistry(serve);
  const http = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  await using client = createClient({ proxy: { http, noProxy: "" }, plainHttp: ["registry.test:5000"] });
  await client.manifest(parseReference("registry.test:5000/app:1"));
  await client.manifest(parseReference(`${registry.host}/app:1`));
  expect(asked).toEqual(["GET http://registry.test:5000/v2/app/manifests/1"]);
  proxy.closeAllConnections();
  proxy.close();
});

test("client: a proxy of another kind is said when it is needed, without showing it", async () => {
  await using registry = await startFakeRegistry(serve);
  await using client = createClient({ proxy: { https: "socks5://ada:secret@proxy.test" } });
  expect(await pull(client, registry.host)).toEqual(BLOB);
  const error: unknown = await client
    .manifest(parseReference("registry.test/app:1"))
    .catch((thrown: unknown) => thrown);
  expect(error).toHaveProperty("code", "CONFIG_INVALID");
  expect(JSON.stringify(error)).not.toContain("secret");
});

test("client: a pull that is aborted ends at once with the abort's reason", async () => {
  const controller = new AbortController();
  await using registry = await startFakeRegistry((_, response) => {
    response.write("{", () => controller.abort(new Error("stopped")));
    return true;
  });
  await using client = createClient({ plainHttp: [registry.host] });
  const reference = parseReference(`${registry.host}/app:1`);
  await expect(client.manifest(reference, controller.signal)).rejects.toThrow("stopped");
});

test("client: resolves a tag by asking for its digest alone", async () => {
  await using registry: FakeRegistry = await startFakeRegistry((request, response, path) => {
    if (request.method !== "HEAD") return serve(request, response, path);
    return response.setHeader("docker-content-digest", digestOf(MANIFEST)).end();
  });
  await using client = createClient({ plainHttp: [registry.host] });
  expect(await client.resolve(parseReference(`${registry.host}/app:1`))).toBe(digestOf(MANIFEST));
  expect(registry.requests).toEqual(["HEAD /v2/app/manifests/1"]);
});

test.each([200, 405, 501])("client: resolves a tag where HEAD ends with %i and tells no digest", async (status) => {
  await using registry = await startFakeRegistry((request, response, path) =>
    request.method === "HEAD" ? response.writeHead(status).end() : serve(request, response, path),
  );
  await using client = createClient({ plainHttp: [registry.host] });
  expect(await client.resolve(parseReference(`${registry.host}/app:1`))).toBe(digestOf(MANIFEST));
});
