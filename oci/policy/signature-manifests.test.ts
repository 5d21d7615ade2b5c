import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { digestOf } from "../digest.ts";
import { cncfSample, plainSample, type Sample } from "../layouts/samples.ts";
import type { Descriptor } from "../manifest.ts";
import { EMPTY_CONFIG, OCI_INDEX, OCI_MANIFEST } from "../media-types.ts";
import { MemoryBlobs } from "../memory-blobs.ts";
import { parseReference } from "../reference.ts";
import { RegistryClient } from "../registry/client.ts";
import { createFakeTiming, noise, startFakeRegistry, type FakeRegistry } from "../registry/fake-registry.ts";
import { readPolicy } from "./policy.ts";
import { findSignatures } from "./signature-manifests.ts";
import type { Signature, UnreadableSignature } from "./signature.ts";
import { checkSignatures } from "./signatures.ts";
import { BUNDLE_TYPE, bundleOf, envelop, statementOf } from "./test-bundles.ts";

/*
 * Where the signatures of an artifact are found: a registry's list of referrers, the tag in its place, cosign 2's tag.
 */

const ARTIFACT = Buffer.from(JSON.stringify(cncfSample().manifest));
const DIGEST = digestOf(ARTIFACT);
const FALLBACK_TAG = DIGEST.replace(":", "-");
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const foreign = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

/** What lies beside an artifact in a registry. */
interface Beside {
  /** Pages of its list of referrers; none where it keeps no list. */
  pages?: Descriptor[][];
  /** Its status instead of a list. */
  status?: number;
  fallback?: Descriptor[];
  manifests?: Sample[];
  /** What is under cosign 2's tag. */
  tagged?: Sample;
}

function bundle(key: KeyObject): Sample {
  return plainSample([[BUNDLE_TYPE, bundleOf(envelop(statementOf(DIGEST), key))]]);
}

function simple(key: KeyObject): Sample {
  const critical = { type: "cosign container image signature", image: { "docker-manifest-digest": DIGEST } };
  const payload = Buffer.from(JSON.stringify({ critical }));
  const built = plainSample([["application/vnd.dev.cosign.simplesigning.v1+json", payload]]);
  const signature = sign("sha256", payload, key).toString("base64");
  Object.assign(built.manifest.layers[0] ?? {}, {
    annotations: { "dev.cosignproject.cosign/signature": signature },
  });
  return built;
}

function refer({ manifest }: Sample, artifactType: string | undefined = BUNDLE_TYPE): Descriptor {
  const bytes = Buffer.from(JSON.stringify(manifest));
  return { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length, artifactType, annotations: undefined };
}

function sendIndex(response: ServerResponse, manifests: readonly Descriptor[] = []): unknown {
  return response
    .setHeader("content-type", OCI_INDEX)
    .end(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
}

function serve({ pages, status = 404, fallback, manifests = [], tagged }: Beside): Promise<FakeRegistry> {
  const all = tagged === undefined ? manifests : [...manifests, tagged];
  const blobs = new Map(all.flatMap((sample) => [...sample.blobs]));
  return startFakeRegistry((_, response, path) => {
    const name = path.split("/").at(-1) ?? "";
    if (path.includes("/referrers/")) {
      if (pages === undefined) return response.writeHead(status).end();
      const page = Number(/page=(\d+)/.exec(path)?.[1] ?? 0);
      if (page + 1 < pages.length) response.setHeader("link", `<${path.split("?")[0]}?page=${page + 1}>; rel="next"`);
      return sendIndex(response, pages[page]);
    }
    if (!path.includes("/manifests/")) return blobs.has(name) ? response.end(blobs.get(name)) : undefined;
    if (name === FALLBACK_TAG && fallback !== undefined) return sendIndex(response, fallback);
    const found = name.endsWith(".sig") ? tagged : all.find((sample) => refer(sample).digest === name);
    if (found === undefined) return undefined;
    return response.setHeader("content-type", OCI_MANIFEST).end(JSON.stringify(found.manifest));
  });
}

/** Checks an artifact beside which there is this; returns the signer, and what was asked for. */
async function approve(beside: Beside): Promise<{ signer: string; requests: string[] }> {
  await using registry = await serve(beside);
  const client = RegistryClient.create({ timing: createFakeTiming(), plainHttp: [registry.host] });
  const blobs = new MemoryBlobs();
  await blobs.write({ digest: DIGEST }, once(ARTIFACT));
  const reference = { ...parseReference(`${registry.host}/app@${DIGEST}`), digest: DIGEST };
  const pem = publicKey.export({ type: "spki", format: "pem" });
  const signedBy = [{ name: "release", publicKey: pem }];
  const rules = [{ name: "ours", repositories: [`${registry.host}/**`], signedBy }];
  const [rule] = readPolicy({ rules }, "policy.yaml").rules;
  async function* each(): AsyncGenerator<Signature | UnreadableSignature> {
    for await (const { signatures } of findSignatures(reference, { client, blobs })) yield* signatures;
  }
  try {
    return { signer: await checkSignatures(rule!, DIGEST, each(), registry.host), requests: registry.requests };
  } finally {
    await client.close();
  }
}

const good = bundle(privateKey);
const bad = bundle(foreign);
const text = plainSample([["text/plain", Buffer.from("hello")]]);
const two = plainSample([
  [BUNDLE_TYPE, Buffer.from("{}")],
  [BUNDLE_TYPE, Buffer.from("[]")],
]);

test.each<[name: string, beside: Beside]>([
  ["in the registry's list", { pages: [[refer(good)]], manifests: [good] }],
  ["on the list's second page", { pages: [[refer(bad)], [refer(good)]], manifests: [bad, good] }],
  [
    "among others",
    {
      pages: [[refer(text, "text/plain"), refer(text), refer(bad), refer(two), refer(good)]],
      manifests: [text, two, bad, good],
    },
  ],
  ["beside one that is gone", { pages: [[refer(bad), refer(good)]], manifests: [good] }],
  ["listed under its configuration's type", { pages: [[refer(good, EMPTY_CONFIG)]], manifests: [good] }],
  ["under the tag, where there is no list", { fallback: [refer(good)], manifests: [good] }],
  ["under the tag, where a list is refused", { status: 400, fallback: [refer(good)], manifests: [good] }],
  ["under cosign 2's tag", { tagged: simple(privateKey) }],
  ["under cosign 2's tag, as a bundle", { tagged: good }],
  ["under cosign 2's tag, beside bad bundles", { pages: [[refer(bad)]], manifests: [bad], tagged: simple(privateKey) }],
])("signatures: one %s is found", async (_, beside) => {
  expect((await approve(beside)).signer).toBe("release");
});

test("signatures: after a good one none is asked for", async () => {
  const { requests } = await approve({
    pages: [[refer(good), refer(bad)]],
    manifests: [good, bad],
    tagged: simple(privateKey),
  });
  expect(requests).toHaveLength(3);
});

const many = Array.from({ length: 70 }, (_, index) => ({
  ...refer(bad),
  digest: digestOf(Buffer.from(String(index))),
}));
const huge = plainSample([[BUNDLE_TYPE, noise(300 * 1024)]]);
const damaged: Sample = {
  ...good,
  blobs: new Map([...good.blobs.keys()].map((digest) => [digest, Buffer.from("{}")])),
};

test.each<[name: string, beside: Beside, flaw: string]>([
  ["none", {}, "no signature"],
  ["bad ones", { pages: [[refer(bad)]], manifests: [bad], tagged: simple(foreign) }, "a signature by another key"],
  ["too many", { pages: [many] }, "70 bundles, of which the first 64 were read"],
  [
    "pages without end",
    { pages: Array.from({ length: 100 }, () => [refer(bad)]), manifests: [bad] },
    "a signature by another key",
  ],
  [
    "a bundle that is too large",
    { pages: [[refer(huge)]], manifests: [huge] },
    "a bundle of 307200 bytes, more than is read",
  ],
  ["a bundle that is damaged", { pages: [[refer(good)]], manifests: [damaged] }, "a bundle that cannot be read"],
  ["the artifact itself", { pages: [[{ ...refer(good), digest: DIGEST }]] }, "no signature"],
])("signatures: %s is refused", async (_, beside, flaw) => {
  await expect(approve(beside)).rejects.toMatchObject({
    code: "OCI_POLICY_REFUSED",
    details: { actual: expect.stringContaining(flaw) },
  });
});

test("signatures: a registry that does not answer is no artifact without a signature", async () => {
  await expect(approve({ status: 503, tagged: simple(privateKey) })).rejects.toHaveProperty("code", "OCI_UNREACHABLE");
  await expect(approve({ status: 403, tagged: simple(privateKey) })).rejects.toHaveProperty("code", "OCI_UNAUTHORIZED");
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
