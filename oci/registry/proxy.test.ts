import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WasmletError } from "../../common/errors.ts";
import { Secret } from "../../common/secret.ts";
import { cncfSample, COMPONENT } from "../layouts/samples.ts";
import { OCI_MANIFEST } from "../media-types.ts";
import { parseReference } from "../reference.ts";
import { RegistryClient } from "./client.ts";
import { createFakeTiming, startFakeRegistry, type FakeRegistry } from "./fake-registry.ts";

/*
 * HTTPS through a proxy: it is asked for a connection (CONNECT) to the registry's name, which only it can reach, and sees
 * nothing of what goes through.
 */

const HOST = "registry.test:5443";
const PASSWORD = "correct horse battery staple";
const SAMPLE = cncfSample();
const LAYER = SAMPLE.manifest.layers[0]!;

interface Proxy extends AsyncDisposable {
  url: string;
  /** What it was asked for: the host and what came with it. */
  asked: { host: string; headers: IncomingHttpHeaders }[];
  /** Everything that went through it. */
  seen: () => string;
}

const folder = mkdtempSync(join(tmpdir(), "wasmlet-proxy-"));
let registry: FakeRegistry;
let ca: string;

beforeAll(async () => {
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = ["-subj", "/CN=registry.test", "-addext", "subjectAltName=DNS:registry.test"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", certificate], {
    stdio: "ignore",
  });
  ca = readFileSync(certificate, "utf8");
  registry = await startFakeRegistry(
    (request, response, path) => {
      if (request.headers.authorization === undefined) {
        return response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
      }
      if (path.endsWith("/manifests/1")) {
        return response.setHeader("content-type", OCI_MANIFEST).end(JSON.stringify(SAMPLE.manifest));
      }
      return path.endsWith(LAYER.digest) ? response.end(COMPONENT) : undefined;
    },
    { key: readFileSync(key), cert: ca },
  );
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a proxy that leads to the registry, or refuses with a status. */
async function startProxy(refusal?: number): Promise<Proxy> {
  const asked: Proxy["asked"] = [];
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on("connect", (request, client: Socket) => {
    asked.push({ host: request.url ?? "", headers: request.headers });
    client.on("error", () => {});
    if (refusal !== undefined) return client.end(`HTTP/1.1 ${refusal} No\r\ncontent-length: 0\r\n\r\n`);
    const upstream = connect(Number(registry.host.split(":")[1]), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      client
        .on("data", (chunk) => chunks.push(Buffer.from(chunk)))
        .pipe(upstream)
        .pipe(client);
    });
    upstream.on("error", () => client.destroy());
    sockets.add(client).add(upstream);
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    seen: () => Buffer.concat(chunks).toString("latin1"),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function pull(https: string, trusted: readonly string[], noProxy = ""): Promise<Buffer> {
  const client = RegistryClient.create({
    timing: createFakeTiming(),
    ca: trusted,
    proxy: { https, noProxy },
    credentials: () => Promise.resolve({ kind: "password", username: "ada", password: new Secret(PASSWORD) }),
  });
  try {
    const reference = parseReference(`${HOST}/app:1`);
    await client.manifest(reference);
    return await client.blob(reference, LAYER, buffer);
  } finally {
    await client.close();
  }
}

test("proxy: HTTPS goes through it as it is, and the registry's password is not for it", async () => {
  await using proxy = await startProxy();
  const own = proxy.url.replace("//", "//proxy-user:proxy-secret@");
  expect(Buffer.compare(await pull(own, [ca]), COMPONENT)).toBe(0);
  expect(new Set(proxy.asked.map(({ host }) => host))).toEqual(new Set([HOST]));
  const [first] = proxy.asked;
  expect(first?.headers).toMatchObject({
    "proxy-authorization": `Basic ${Buffer.from("proxy-user:proxy-secret").toString("base64")}`,
  });
  expect(first?.headers.authorization).toBeUndefined();
  for (const plain of ["HTTP/1.1", "authorization", PASSWORD]) expect(proxy.seen()).not.toContain(plain);
  expect(registry.requests).toContain(`GET /v2/app/blobs/${LAYER.digest}`);
});

test("proxy: the certificate is the registry's, and has to be trusted", async () => {
  await using proxy = await startProxy();
  const before = registry.requests.length;
  await expect(pull(proxy.url, [])).rejects.toHaveProperty("code", "OCI_UNREACHABLE");
  expect(registry.requests).toHaveLength(before);
});

test.each([403, 407, 502])(
  "proxy: one that refuses with %d is OCI_UNREACHABLE, and its password is not shown",
  async (status) => {
    await using proxy = await startProxy(status);
    const refused: unknown = await pull(proxy.url.replace("//", "//ada:proxy-secret@"), [ca]).catch(
      (thrown: unknown) => thrown,
    );
    if (!(refused instanceof WasmletError)) throw refused;
    expect(refused.code).toBe("OCI_UNREACHABLE");
    const encoded = Buffer.from("ada:proxy-secret").toString("base64");
    for (const secret of ["proxy-secret", encoded, PASSWORD]) {
      expect(JSON.stringify({ ...refused.toJSON(), stack: refused.stack })).not.toContain(secret);
    }
  },
);

test("proxy: what NO_PROXY names is not asked for there", async () => {
  await using proxy = await startProxy();
  await expect(pull(proxy.url, [ca], "registry.test")).rejects.toHaveProperty("code", "OCI_UNREACHABLE");
  expect(proxy.asked).toEqual([]);
});
