import { expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { COMPONENT, MODULE } from "./layouts/samples.ts";
import { OCI_MANIFEST, WASM_CONFIG, WASM_LAYER } from "./media-types.ts";
import { buildWasmArtifact, pushWasm } from "./push.ts";
import { parseReference } from "./reference.ts";
import { RegistryClient } from "./registry/client.ts";
import { createFakeTiming, startFakeRegistry, type Answer, type FakeRegistry } from "./registry/fake-registry.ts";

const CREATED = new Date(0);

async function push(registry: FakeRegistry, reference = `${registry.host}/app:1`): Promise<unknown> {
  const client = RegistryClient.create({ timing: createFakeTiming(), plainHttp: [registry.host] });
  return pushWasm(client, parseReference(reference), MODULE, { created: CREATED }).finally(() => client.close());
}

test("push: the CNCF's artifact of a component, the same for the same input", () => {
  const options = { created: CREATED, component: { imports: ["a:b/c"], exports: ["d:e/f"] }, title: "app.wasm" };
  const { manifest, blobs } = buildWasmArtifact(COMPONENT, options);
  expect(buildWasmArtifact(COMPONENT, options).manifest).toEqual(manifest);
  const [program, config] = blobs;
  expect(JSON.parse(Buffer.from(manifest).toString())).toEqual({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: WASM_CONFIG, digest: digestOf(config!.bytes), size: config!.bytes.length },
    layers: [
      {
        mediaType: WASM_LAYER,
        digest: digestOf(COMPONENT),
        size: 8,
        annotations: { "org.opencontainers.image.title": "app.wasm" },
      },
    ],
    annotations: { "org.opencontainers.image.created": "1970-01-01T00:00:00.000Z" },
  });
  expect(program?.bytes).toBe(COMPONENT);
  expect(JSON.parse(Buffer.from(config!.bytes).toString())).toEqual({
    created: "1970-01-01T00:00:00.000Z",
    architecture: "wasm",
    os: "wasip2",
    layerDigests: [digestOf(COMPONENT)],
    component: options.component,
  });
});

test.each([Buffer.from("#!/bin/sh"), Buffer.from("0061736d02000000", "hex"), Buffer.alloc(0)])(
  "push: %j is ARTIFACT_NOT_WASM",
  (bytes) => {
    expect(() => buildWasmArtifact(bytes, { created: CREATED })).toThrow(
      expect.objectContaining({ code: "ARTIFACT_NOT_WASM" }),
    );
  },
);

/** A registry that takes uploads at an address of its choice. */
function accepting(location: (host: string) => string): Answer {
  return (request, response) => {
    if (request.method === "HEAD") return response.writeHead(404).end();
    if (request.method === "POST")
      return response.writeHead(202, { location: location(request.headers.host ?? "") }).end();
    request.resume();
    return request.on("end", () => response.writeHead(201).end());
  };
}

test("push: blobs first, the manifest last, to the address that the registry names, its parameters kept", async () => {
  await using registry = await startFakeRegistry(accepting(() => "/upload/7?state=x%2Fy"));
  await push(registry);
  expect(registry.requests.at(-1)).toBe("PUT /v2/app/manifests/1");
  expect(registry.requests).toContain(`PUT /upload/7?state=x%2Fy&digest=${encodeURIComponent(digestOf(MODULE))}`);
});

test("push: what is on its way is told, up to all of each blob", async () => {
  await using registry = await startFakeRegistry(accepting(() => "/upload"));
  const told = new Map<string, number[]>();
  const onProgress = ({ digest }: { digest: string }, sent: number): unknown =>
    told.set(digest, [...(told.get(digest) ?? []), sent]);
  const large = Buffer.concat([MODULE, Buffer.alloc(600_000)]);
  const reference = parseReference(`${registry.host}/app:1`);
  const client = RegistryClient.create();
  await pushWasm(client, reference, large, { created: CREATED, onProgress }).finally(() => client.close());
  expect(told.get(digestOf(large))).toEqual([262_144, 524_288, large.length]);
  expect(told.size).toBe(2);
});

test("push: an upload that fails is begun anew", async () => {
  let failures = 2;
  const accept = accepting(() => "/upload");
  await using registry = await startFakeRegistry((request, response, path) => {
    if (path.startsWith("/upload") && failures-- > 0) return response.writeHead(503).end();
    return accept(request, response, path);
  });
  await push(registry);
  expect(registry.requests.filter((request) => request.startsWith("POST"))).toHaveLength(4);
});

const cases: [name: string, code: string, answer: Answer][] = [
  [
    "an upload without an address",
    "OCI_RESPONSE_INVALID",
    (request, response) => response.writeHead(request.method === "HEAD" ? 404 : 202).end(),
  ],
  ["an upload to plain HTTP elsewhere", "OCI_INSECURE", accepting(() => "http://storage.test/upload")],
  ["an upload to a file", "OCI_REDIRECT", accepting(() => "file:///etc/passwd")],
  [
    "a refusal",
    "OCI_PUSH_REFUSED",
    (request, response) => response.writeHead(request.method === "HEAD" ? 404 : 405).end(),
  ],
];

test.each(cases)("push: %s is %s", async (_, code, answer) => {
  await using registry = await startFakeRegistry(answer);
  await expect(push(registry)).rejects.toHaveProperty("code", code);
});

test("push: goes under a tag, not under a digest", async () => {
  await using registry = await startFakeRegistry(accepting(() => "/upload"));
  const pinned = `${registry.host}/app@sha256:${"0".repeat(64)}`;
  await expect(push(registry, pinned)).rejects.toHaveProperty("code", "OCI_REFERENCE_INVALID");
});
