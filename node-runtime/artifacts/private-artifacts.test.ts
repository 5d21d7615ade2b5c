import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { digestOf } from "../../oci/digest.ts";
import { cncfSample, COMPONENT } from "../../oci/layouts/samples.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../oci/media-types.ts";
import { RegistryClient } from "../../oci/registry/client.ts";
import {
  createFakeTiming,
  startFakeRegistry,
  type Answer,
  type FakeRegistry,
} from "../../oci/registry/fake-registry.ts";
import { ArtifactStore } from "./artifact-store.ts";
import { OciArtifacts } from "./oci-artifacts.ts";
import type { PullPolicy } from "./pull-policy.ts";

/*
 * What one app pulled with its credentials is on the node's disk for all; who may start it, the registry says.
 */

const root = mkdtempSync(join(tmpdir(), "wasmlet-private-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const SAMPLE = cncfSample();
const MANIFEST = Buffer.from(JSON.stringify(SAMPLE.manifest));
/** What the registry lets in, as it stands in a header. */
const ADA = pair("ada", "pw");
const BOB = pair("bob", "secret");

function pair(user: string, password: string): string {
  return Buffer.from(`${user}:${password}`).toString("base64");
}

interface Setting extends AsyncDisposable {
  registry: FakeRegistry;
  folder: string;
  isPublic: boolean;
  isAway: boolean;
  /** Obtains the artifact as an app with these credentials, in a process of its own. */
  obtain: (auth?: string, policy?: PullPolicy, name?: string) => Promise<string>;
  /** Obtains an image of any registry, without credentials. */
  obtainFrom: (image: string) => Promise<string>;
}

async function set(): Promise<Setting> {
  const registry = await startFakeRegistry((request, response, path) => {
    if (setting.isAway) return response.writeHead(503).end();
    const isIn = [`Basic ${ADA}`, `Basic ${BOB}`].includes(request.headers.authorization ?? "");
    if (!setting.isPublic && !isIn) {
      return response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
    }
    response.setHeader("docker-content-digest", digestOf(MANIFEST));
    if (path.includes("/manifests/")) return response.setHeader("content-type", OCI_MANIFEST).end(MANIFEST);
    return response.end(SAMPLE.blobs.get(path.split("/").at(-1) ?? ""));
  });
  const folder = mkdtempSync(join(root, "store-"));
  const client = RegistryClient.create({ timing: createFakeTiming(), plainHttp: [registry.host] });
  const setting: Setting = {
    registry,
    folder,
    isPublic: false,
    isAway: false,
    obtain: async (auth, policy = "IfNotPresent", name = "app:1") => {
      const config = { auths: auth === undefined ? {} : { [registry.host]: { auth } } };
      const secrets = [Buffer.from(JSON.stringify(config))];
      const artifacts = new OciArtifacts(new ArtifactStore(folder), client);
      return (await artifacts.obtain({ image: `${registry.host}/${name}`, policy, secrets })).programs[0].digest;
    },
    obtainFrom: async (image) => {
      const thiefClient = RegistryClient.create({ timing: createFakeTiming() });
      const artifacts = new OciArtifacts(new ArtifactStore(folder), thiefClient);
      return artifacts
        .obtain({ image })
        .then(({ programs: [{ digest }] }) => digest)
        .finally(() => thiefClient.close());
    },
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await registry[Symbol.asyncDispose]();
    },
  };
  return setting;
}

test("contract: what was pulled with credentials starts for them without the registry, and for nobody else", async () => {
  await using setting = await set();
  await setting.obtain(ADA);
  const pinned = `app@${digestOf(MANIFEST)}`;
  for (const name of ["app:1", pinned]) {
    await expect(setting.obtain(undefined, "IfNotPresent", name)).rejects.toHaveProperty("code", "OCI_UNAUTHORIZED");
    await expect(setting.obtain(pair("ada", "wrong"), "IfNotPresent", name)).rejects.toHaveProperty(
      "code",
      "OCI_UNAUTHORIZED",
    );
  }
  setting.isAway = true;
  for (const name of ["app:1", pinned]) {
    expect(await setting.obtain(ADA, "IfNotPresent", name)).toBe(digestOf(COMPONENT));
    expect(await setting.obtain(ADA, "Never", name)).toBe(digestOf(COMPONENT));
    await expect(setting.obtain(undefined, "IfNotPresent", name)).rejects.toHaveProperty("code", "OCI_UNREACHABLE");
    await expect(setting.obtain(undefined, "Never", name)).rejects.toMatchObject({
      code: "ARTIFACT_MISSING",
      message: expect.stringContaining("other credentials"),
    });
  }
});

test("contract: other credentials that the registry accepts are asked about once", async () => {
  await using setting = await set();
  await setting.obtain(ADA);
  const before = setting.registry.requests.length;
  expect(await setting.obtain(BOB)).toBe(digestOf(COMPONENT));
  const asked = setting.registry.requests.slice(before);
  expect(new Set(asked)).toEqual(new Set([`HEAD /v2/app/manifests/${digestOf(MANIFEST)}`]));
  setting.isAway = true;
  for (const auth of [ADA, BOB]) expect(await setting.obtain(auth)).toBe(digestOf(COMPONENT));
});

test("contract: what the registry gives to anybody starts for anybody", async () => {
  await using setting = await set();
  setting.isPublic = true;
  await setting.obtain(ADA);
  setting.isAway = true;
  for (const auth of [undefined, BOB]) expect(await setting.obtain(auth, "Never")).toBe(digestOf(COMPONENT));
});

test("contract: another repository's name opens nothing: its registry is asked", async () => {
  await using setting = await set();
  await setting.obtain(ADA);
  const other = setting.obtain(undefined, "IfNotPresent", `other@${digestOf(MANIFEST)}`);
  await expect(other).rejects.toHaveProperty("code", "OCI_UNAUTHORIZED");
});

/** A registry that anybody may pull from, with a manifest of an attacker's own; its blobs are empty, or as `answer` says. */
function startThief(manifest: object, answer: Answer = () => undefined): Promise<FakeRegistry> {
  const type = "manifests" in manifest ? OCI_INDEX : OCI_MANIFEST;
  const bytes = Buffer.from(JSON.stringify(manifest));
  return startFakeRegistry((request, response, path) => {
    if (path.endsWith("/manifests/1")) return response.setHeader("content-type", type).end(bytes);
    return answer(request, response, path);
  });
}

const LAYER = SAMPLE.manifest.layers[0]!;
/** It says that it has everything, and sends nothing of it. */
const lies: Answer = (request, response, path) => {
  const digest = path.split("/").at(-1) ?? "";
  response.setHeader("docker-content-digest", digest).setHeader("content-type", OCI_MANIFEST);
  return request.method === "HEAD" ? response.end() : response.writeHead(404).end();
};
const configOnly: Answer = (_, response, path) =>
  path.endsWith(SAMPLE.manifest.config.digest) ? response.end(SAMPLE.config) : undefined;

test.each<[name: string, manifest: object, answer: Answer]>([
  ["layer", SAMPLE.manifest, configOnly],
  [
    "layer, whose registry says that it has it",
    SAMPLE.manifest,
    (request, response, path) => configOnly(request, response, path) ?? lies(request, response, path),
  ],
  ["configuration", SAMPLE.manifest, lies],
  [
    "manifest in an index",
    {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [
        {
          mediaType: OCI_MANIFEST,
          digest: digestOf(MANIFEST),
          size: MANIFEST.length,
          platform: { os: "wasip2", architecture: "wasm" },
        },
      ],
    },
    lies,
  ],
])("contract: a digest is no key to another's private %s", async (_, manifest, answer) => {
  await using setting = await set();
  await setting.obtain(ADA);
  await using thief = await startThief(manifest, answer);
  for (const name of [`${thief.host}/app:1`, `${thief.host}/app@${digestOf(MANIFEST)}`]) {
    await expect(setting.obtainFrom(name)).rejects.toHaveProperty("code", "OCI_NOT_FOUND");
  }
  setting.isAway = true;
  expect(await setting.obtain(ADA)).toBe(digestOf(COMPONENT));
});

test("contract: a digest is no key to what a crash left of another's private layer", async () => {
  await using setting = await set();
  await using thief = await startThief(SAMPLE.manifest, configOnly);
  const folder = join(setting.folder, "partial");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `4294967295-x.${LAYER.digest.replace(":", "-")}`), COMPONENT);
  await expect(setting.obtainFrom(`${thief.host}/app:1`)).rejects.toHaveProperty("code", "OCI_NOT_FOUND");
});

test("contract: what another repository of the same registry has is not sent again", async () => {
  await using setting = await set();
  await setting.obtain(ADA);
  const before = setting.registry.requests.length;
  expect(await setting.obtain(ADA, "IfNotPresent", "copy:1")).toBe(digestOf(COMPONENT));
  const asked = setting.registry.requests.slice(before);
  expect(asked).toContain(`HEAD /v2/copy/blobs/${LAYER.digest}`);
  expect(asked).not.toContain(`GET /v2/copy/blobs/${LAYER.digest}`);
  setting.isAway = true;
  expect(await setting.obtain(ADA, "IfNotPresent", "copy:1")).toBe(digestOf(COMPONENT));
});

test("PullRecords: no credentials can be read out of what is kept", async () => {
  await using setting = await set();
  await setting.obtain(BOB);
  const folder = join(setting.folder, "pulled");
  const kept = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  expect(kept).toHaveLength(1);
  for (const text of [BOB, "bob", "secret"]) expect(kept.join()).not.toContain(text);
});
