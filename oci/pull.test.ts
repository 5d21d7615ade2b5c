import { expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { cncfSample, COMPONENT, imageSample, spinSample, tarOf, type Sample } from "./layouts/samples.ts";
import { MemoryBlobs } from "./memory-blobs.ts";
import { OCI_INDEX, OCI_MANIFEST } from "./media-types.ts";
import { findArtifact, pullContents } from "./pull.ts";
import { parseReference } from "./reference.ts";
import { RegistryClient } from "./registry/client.ts";
import { createFakeTiming, startFakeRegistry, type Answer } from "./registry/fake-registry.ts";

/** Serves a sample under every tag, and an index of it under `index`. */
function serve({ manifest, blobs }: Sample, index?: object): Answer {
  const bytes = Buffer.from(JSON.stringify(manifest));
  return (_, response, path) => {
    if (path.endsWith("/manifests/index"))
      return response.setHeader("content-type", OCI_INDEX).end(JSON.stringify(index));
    if (path.includes("/manifests/")) return response.setHeader("content-type", OCI_MANIFEST).end(bytes);
    const blob = blobs.get(path.split("/").at(-1) ?? "");
    return blob === undefined ? undefined : response.end(blob);
  };
}

async function withRegistry<T>(
  answer: Answer,
  use: (host: string, client: RegistryClient, requests: string[]) => Promise<T>,
): Promise<T> {
  await using registry = await startFakeRegistry(answer);
  const client = RegistryClient.create({ timing: createFakeTiming(), plainHttp: [registry.host] });
  try {
    return await use(registry.host, client, registry.requests);
  } finally {
    await client.close();
  }
}

test("contract: with the registry gone, a pinned artifact comes from the store", async () => {
  const blobs = new MemoryBlobs();
  const digest = await withRegistry(serve(cncfSample()), async (host, client) => {
    const artifact = await findArtifact(parseReference(`${host}/app:1`), { client, blobs });
    expect(await pullContents(artifact, { client, blobs })).toMatchObject({ kind: "program", wasm: COMPONENT });
    return artifact.digest;
  });
  await withRegistry(
    () => undefined,
    async (host, client, requests) => {
      const artifact = await findArtifact(parseReference(`${host}/app@${digest}`), { client, blobs });
      expect(await pullContents(artifact, { client, blobs })).toMatchObject({ kind: "program", wasm: COMPONENT });
      expect(requests).toEqual([]);
    },
  );
});

test("pull: of an index the manifest for WebAssembly is pulled, and the reasons say so", async () => {
  const built = imageSample([["application/vnd.oci.image.layer.v1.tar+gzip", await tarOf(["app.wasm", COMPONENT])]]);
  const bytes = Buffer.from(JSON.stringify(built.manifest));
  const manifests = ["linux/amd64", "wasi/wasm"].map((platform) => {
    const [os, architecture] = platform.split("/");
    return { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length, platform: { os, architecture } };
  });
  await withRegistry(serve(built, { schemaVersion: 2, manifests }), async (host, client) => {
    const blobs = new MemoryBlobs();
    const artifact = await findArtifact(parseReference(`${host}/app:index`), { client, blobs });
    expect(artifact.choice.reasons).toEqual([
      "the index's manifest for wasi/wasm, one of 2",
      "its platform is wasi/wasm",
      "it names no entrypoint: its only .wasm file is run",
    ]);
    expect(artifact.manifestDigest).toBe(digestOf(bytes));
    expect(artifact.digest).not.toBe(artifact.manifestDigest);
    expect(await pullContents(artifact, { client, blobs })).toMatchObject({ path: "app.wasm", wasm: COMPONENT });
  });
});

test("pull: each blob comes once, its progress is told, and a failure leaves none behind", async () => {
  const built = spinSample();
  const [program] = built.manifest.layers;
  await withRegistry(serve(built), async (host, client, requests) => {
    const blobs = new MemoryBlobs();
    const progress = new Map<string, number>();
    const artifact = await findArtifact(parseReference(`${host}/app:1`), { client, blobs });
    await pullContents(artifact, { client, blobs, onProgress: ({ digest }, bytes) => progress.set(digest, bytes) });
    expect(requests).toHaveLength(new Set(requests).size);
    expect(progress).toEqual(new Map(built.manifest.layers.map(({ digest, size }) => [digest, size])));
  });
  built.blobs.set(program?.digest ?? "", Buffer.alloc(COMPONENT.length));
  await withRegistry(serve(built), async (host, client) => {
    const blobs = new MemoryBlobs();
    const artifact = await findArtifact(parseReference(`${host}/app:1`), { client, blobs });
    await expect(pullContents(artifact, { client, blobs })).rejects.toHaveProperty("code", "OCI_DIGEST_MISMATCH");
    expect(blobs.digests).not.toContain(program?.digest);
  });
});

test("pull: null counts as nothing where tools write it", async () => {
  const built = cncfSample();
  Object.assign(built.manifest, { annotations: null });
  Object.assign(built.manifest.config, { annotations: null });
  await withRegistry(serve(built), async (host, client) => {
    const found = await findArtifact(parseReference(`${host}/app:1`), { client, blobs: new MemoryBlobs() });
    expect(found.choice.name).toBe("CNCF Wasm artifact");
  });
});

test("pull: an index in an index, and a configuration that is too large, are refused", async () => {
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: OCI_INDEX, digest: `sha256:${"0".repeat(64)}`, size: 1 }],
  };
  const nested = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }));
  Object.assign(index.manifests[0] ?? {}, { digest: digestOf(nested), size: nested.length });
  const answer: Answer = (_, response, path) =>
    response.setHeader("content-type", OCI_INDEX).end(path.endsWith("/1") ? JSON.stringify(index) : nested);
  await withRegistry(answer, async (host, client) => {
    const found = findArtifact(parseReference(`${host}/app:1`), { client, blobs: new MemoryBlobs() });
    await expect(found).rejects.toHaveProperty("code", "OCI_LAYOUT_UNKNOWN");
  });
  const built = cncfSample();
  built.manifest.config.size = 2 ** 30;
  await withRegistry(serve(built), async (host, client) => {
    const found = findArtifact(parseReference(`${host}/app:1`), { client, blobs: new MemoryBlobs() });
    await expect(found).rejects.toHaveProperty("code", "OCI_TOO_LARGE");
  });
});
