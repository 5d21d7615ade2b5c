import { generateKeyPairSync, sign as signBytes, type KeyObject } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { Secret } from "../../common/secret.ts";
import { digestOf } from "../../oci/digest.ts";
import {
  cncfSample,
  COMPONENT,
  imageSample,
  MODULE,
  plainSample,
  spinSample,
  tarOf,
  type Sample,
} from "../../oci/layouts/samples.ts";
import { OCI_MANIFEST } from "../../oci/media-types.ts";
import { readPolicy, type Policy } from "../../oci/policy/policy.ts";
import { RegistryClient } from "../../oci/registry/client.ts";
import {
  createFakeTiming,
  startFakeRegistry,
  type Answer,
  type FakeRegistry,
} from "../../oci/registry/fake-registry.ts";
import { ArtifactStore } from "./artifact-store.ts";
import { OciArtifacts, withArtifacts } from "./oci-artifacts.ts";
import type { PullPolicy } from "./pull-policy.ts";

const root = mkdtempSync(join(tmpdir(), "wasmlet-oci-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A registry whose one tag leads to a sample, and which can go away. */
interface Setting extends AsyncDisposable {
  registry: FakeRegistry;
  store: ArtifactStore;
  artifacts: OciArtifacts;
  image: string;
  /** Puts another sample under the tag. */
  serve: (sample: Sample) => void;
  /** From now on every answer is this status. */
  fail: (status: number | undefined) => void;
  /** Artifacts over the same store, as after a restart. */
  restart: (policy?: Policy) => OciArtifacts;
  /** Puts a signature beside what is served. */
  sign: (key: KeyObject) => void;
}

async function set(first: Sample, maxBytes?: number): Promise<Setting> {
  let sample = first;
  let signatures: Sample | undefined;
  let failure: number | undefined;
  const answer: Answer = (_, response, path) => {
    if (failure !== undefined) return response.writeHead(failure).end();
    const manifest = Buffer.from(JSON.stringify(sample.manifest));
    const name = path.split("/").at(-1) ?? "";
    if (path.endsWith(".sig") && signatures !== undefined) {
      return response.setHeader("content-type", OCI_MANIFEST).end(JSON.stringify(signatures.manifest));
    }
    if (path.includes("/manifests/")) {
      if (name !== "1" && name !== "latest" && name !== digestOf(manifest)) return undefined;
      response.setHeader("docker-content-digest", digestOf(manifest));
      return response.setHeader("content-type", OCI_MANIFEST).end(manifest);
    }
    const blob = sample.blobs.get(name) ?? signatures?.blobs.get(name);
    return blob === undefined ? undefined : response.end(blob);
  };
  const registry = await startFakeRegistry(answer);
  const folder = mkdtempSync(join(root, "store-"));
  const client = RegistryClient.create({ timing: createFakeTiming(), plainHttp: [registry.host] });
  const store = new ArtifactStore(folder, maxBytes === undefined ? {} : { maxBytes });
  const restart = (policy?: Policy): OciArtifacts =>
    new OciArtifacts(new ArtifactStore(folder), client, policy === undefined ? {} : { policy });
  const sign = (key: KeyObject): void => {
    const digest = digestOf(Buffer.from(JSON.stringify(sample.manifest)));
    const critical = { type: "cosign container image signature", image: { "docker-manifest-digest": digest } };
    const payload = Buffer.from(JSON.stringify({ critical }));
    const built = plainSample([["application/vnd.dev.cosign.simplesigning.v1+json", payload]]);
    const annotation = { "dev.cosignproject.cosign/signature": signBytes("sha256", payload, key).toString("base64") };
    Object.assign(built.manifest.layers[0] ?? {}, { annotations: annotation });
    signatures = built;
  };
  return {
    registry,
    store,
    artifacts: new OciArtifacts(store, client),
    image: `${registry.host}/app:1`,
    serve: (other) => (sample = other),
    fail: (status) => (failure = status),
    restart,
    sign,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await registry[Symbol.asyncDispose]();
    },
  };
}

test("OciArtifacts: the layer of an artifact is the program, without a copy", async () => {
  await using setting = await set(cncfSample());
  const { programs } = await setting.artifacts.obtain({ image: setting.image });
  expect(programs).toMatchObject([{ digest: digestOf(COMPONENT), args: [], env: [] }]);
  expect(existsSync(setting.store.blobFile(programs[0].digest))).toBe(true);
});

test("OciArtifacts: an image brings arguments and variables, a Spin application its files", async () => {
  const config = { Entrypoint: ["/app.wasm", "serve"], Cmd: ["--all"], Env: ["A=1"] };
  await using setting = await set(
    imageSample([["application/vnd.oci.image.layer.v1.tar", await tarOf(["app.wasm", MODULE])]], { config }),
  );
  const { programs } = await setting.artifacts.obtain({ image: setting.image });
  expect(programs).toMatchObject([
    { digest: digestOf(MODULE), args: ["serve"], defaultArgs: ["--all"], env: [["A", "1"]] },
  ]);
  setting.serve(spinSample());
  const spin = await setting.artifacts.obtain({ image: setting.image, policy: "Always" });
  expect([...spin.programs[0].files.keys()]).toEqual(["static/index.html", "static/a.txt"]);
});

/** A trigger of a Spin application. */
function httpTrigger(component: string, route: unknown): Record<string, unknown> {
  return {
    trigger_type: "http",
    trigger_config: { component, route },
  };
}

test("OciArtifacts: of a Spin application, the components that have a route from outside are its programs", async () => {
  const built = spinSample(({ components, triggers }) => {
    components.push({ ...components[0], id: "api", files: [], config: {} }, { ...components[0], id: "inner" });
    triggers.push(httpTrigger("api", "/api/..."), httpTrigger("inner", { private: true }));
  });
  await using setting = await set(built);
  const { programs, spin } = await setting.artifacts.obtain({ image: setting.image });
  expect(programs.map(({ component, files }) => [component?.name, files.size])).toEqual([
    ["web", 2],
    ["api", 0],
  ]);
  expect(programs[0].component).toEqual({
    name: "web",
    variables: [["greeting", "{{ greeting }} there"]],
    allowedOutboundHosts: ["https://api.example.com"],
  });
  expect(spin).toMatchObject({ name: "hello", triggers: [{ route: "/..." }, { route: "/api/..." }, {}] });
});

test("OciArtifacts: a Spin application without a route from outside is refused", async () => {
  const hidden = spinSample(({ triggers }) =>
    Object.assign(triggers[0] ?? {}, { trigger_config: { component: "web", route: { private: true } } }),
  );
  await using setting = await set(hidden);
  await expect(setting.artifacts.obtain({ image: setting.image })).rejects.toMatchObject({
    code: "OCI_LAYOUT_UNKNOWN",
  });
});

test.each<[PullPolicy | undefined, tag: string, requests: number]>([
  ["Always", "1", 1],
  ["IfNotPresent", "1", 0],
  ["IfNotPresent", "latest", 0],
  ["Never", "1", 0],
  [undefined, "1", 0],
  [undefined, "latest", 1],
])("contract: with policy %s and the tag %s, what is kept costs %d requests", async (policy, tag, requests) => {
  await using setting = await set(cncfSample());
  const image = `${setting.registry.host}/app:${tag}`;
  await setting.artifacts.obtain({ image });
  const before = setting.registry.requests.length;
  const {
    programs: [{ digest }],
  } = await setting.restart().obtain({ image, policy });
  expect(digest).toBe(digestOf(COMPONENT));
  expect(setting.registry.requests.length - before).toBe(requests);
});

test("contract: Never asks nobody for what is not kept", async () => {
  await using setting = await set(cncfSample());
  const never = { image: setting.image, policy: "Never" } as const;
  await expect(setting.artifacts.obtain(never)).rejects.toHaveProperty("code", "ARTIFACT_MISSING");
  expect(setting.registry.requests).toEqual([]);
});

test("contract: Always takes up a tag that moved; IfNotPresent stays with what it led to", async () => {
  await using setting = await set(cncfSample(COMPONENT));
  const obtain = async (policy: PullPolicy): Promise<string> =>
    (await setting.artifacts.obtain({ image: setting.image, policy })).programs[0].digest;
  await obtain("Always");
  setting.serve(cncfSample(MODULE));
  expect(await obtain("IfNotPresent")).toBe(digestOf(COMPONENT));
  expect(await obtain("Always")).toBe(digestOf(MODULE));
  expect(await obtain("IfNotPresent")).toBe(digestOf(MODULE));
});

test("contract: with the registry away, what is kept starts, also after a restart", async () => {
  await using setting = await set(cncfSample());
  await setting.artifacts.obtain({ image: setting.image });
  setting.fail(503);
  for (const policy of ["IfNotPresent", "Never", undefined] as const) {
    const {
      programs: [{ digest }],
      warning,
    } = await setting.restart().obtain({ image: setting.image, policy });
    expect([digest, warning]).toEqual([digestOf(COMPONENT), undefined]);
  }
});

test("contract: with the registry away, Always starts what ran before a restart, with a warning, and nothing new", async () => {
  await using setting = await set(cncfSample());
  const always = (artifacts: OciArtifacts, app: string): ReturnType<OciArtifacts["obtain"]> =>
    artifacts.obtain({ image: setting.image, policy: "Always", app });
  await always(setting.artifacts, "default/running");
  setting.fail(503);
  const restarted = setting.restart();
  const {
    programs: [{ digest }],
    warning,
  } = await always(restarted, "default/running");
  expect([digest, warning]).toEqual([digestOf(COMPONENT), expect.stringContaining("OCI_UNREACHABLE")]);
  await expect(always(restarted, "default/new")).rejects.toHaveProperty("code", "OCI_UNREACHABLE");
  const other = restarted.obtain({ image: `${setting.registry.host}/app:latest`, app: "default/running" });
  await expect(other).rejects.toHaveProperty("code", "OCI_UNREACHABLE");
  setting.fail(403);
  await expect(always(restarted, "default/running")).rejects.toHaveProperty("code", "OCI_UNAUTHORIZED");
  setting.fail(503);
  restarted.forgetApp("default/running");
  await expect(always(restarted, "default/running")).rejects.toHaveProperty("code", "OCI_UNREACHABLE");
});

test("OciArtifacts: where what a tag led to is gone, here and there, the tag is followed anew", async () => {
  await using setting = await set(cncfSample(COMPONENT));
  const {
    programs: [{ digest }],
    artifact,
  } = await setting.artifacts.obtain({ image: setting.image });
  for (const gone of [digest, artifact.digest]) rmSync(setting.store.blobFile(gone));
  setting.serve(cncfSample(MODULE));
  expect((await setting.restart().obtain({ image: setting.image })).programs[0].digest).toBe(digestOf(MODULE));
});

test("contract: 100 apps of one artifact pull it once", async () => {
  await using setting = await set(cncfSample());
  const { artifacts, image, registry } = setting;
  const programs = await Promise.all(Array.from({ length: 100 }, () => artifacts.obtain({ image })));
  expect(new Set(programs.map(({ programs: [{ digest }] }) => digest))).toEqual(new Set([digestOf(COMPONENT)]));
  expect(registry.requests).toHaveLength(3);
});

test("OciArtifacts: a command that ends leaves nothing in use, also where it asked nobody", async () => {
  await using setting = await set(cncfSample());
  const folder = mkdtempSync(join(root, "store-"));
  const request = { image: setting.image, policy: "IfNotPresent" } as const;
  for (const _ of ["fetched", "kept"]) {
    await withArtifacts(new ArtifactStore(folder), {}, async (artifacts) =>
      (await artifacts.obtain(request)).release(),
    );
    expect(readdirSync(join(folder, "in-use"))).toEqual([]);
  }
});

test("OciArtifacts: different tags of the same blobs fetch each blob once", async () => {
  await using setting = await set(spinSample());
  const { artifacts, registry } = setting;
  await Promise.all(["1", "latest"].map((tag) => artifacts.obtain({ image: `${registry.host}/app:${tag}` })));
  const blobs = registry.requests.filter((request) => request.includes("/blobs/"));
  expect(blobs).toHaveLength(new Set(blobs).size);
});

test("OciArtifacts: a blob that was damaged on the disk is fetched again", async () => {
  await using setting = await set(cncfSample());
  const {
    programs: [{ digest }],
  } = await setting.artifacts.obtain({ image: setting.image });
  const file = setting.store.blobFile(digest);
  writeFileSync(file, "damaged");
  utimesSync(file, 1, 1);
  const again = await setting.restart().obtain({ image: setting.image });
  expect(again.programs[0].digest).toBe(digest);
  expect(setting.registry.requests.filter((request) => request.endsWith(digest))).toHaveLength(2);
});

test("OciArtifacts: what a crash left of a blob is continued; where it was damaged, the whole comes anew", async () => {
  await using setting = await set(cncfSample());
  const file = (): string =>
    join(
      dirname(setting.store.partials.make(digestOf(COMPONENT))),
      `4294967295-x.${digestOf(COMPONENT).replace(":", "-")}`,
    );
  for (const [left, times] of [
    // Nobody is known to have it yet: whoever has a manifest with its digest could.
    [COMPONENT, 1],
    [COMPONENT.subarray(0, 4), 1],
    [Buffer.alloc(4), 2],
    [Buffer.concat([COMPONENT, COMPONENT]), 0],
  ] as const) {
    writeFileSync(file(), left);
    rmSync(setting.store.blobFile(digestOf(COMPONENT)), { force: true });
    const before = setting.registry.requests.length;
    const {
      programs: [{ digest }],
    } = await setting.restart().obtain({ image: setting.image });
    expect(digest).toBe(digestOf(COMPONENT));
    const asked = setting.registry.requests.slice(before).filter((request) => request.endsWith(digest));
    expect(asked).toHaveLength(times);
    expect(readdirSync(dirname(file()))).toEqual([]);
  }
});

test("OciArtifacts: everything that an app needs stays in a full store until it is released", async () => {
  await using setting = await set(cncfSample(), 1000);
  const { store, artifacts, image } = setting;
  const {
    programs: [{ digest }],
    release,
  } = await artifacts.obtain({ image });
  for (let fill = 0; fill < 5; fill++) store.putBlob(new Uint8Array(900).fill(fill));
  setting.fail(503);
  expect((await setting.restart().obtain({ image })).programs[0].digest).toBe(digest);
  release();
});

test("OciArtifacts: a disk that takes no note of what is let go ends no process", async () => {
  await using setting = await set(cncfSample());
  const {
    programs: [{ digest }],
  } = await setting.artifacts.obtain({ image: setting.image });
  rmSync(join(setting.store.blobFile(digest), "..", "..", "in-use"), { recursive: true });
  // An error in here would be nobody's, and the test's.
  await nextTurn();
  await nextTurn();
});

test("OciArtifacts: one that waits can give up, and the others get it", async () => {
  await using setting = await set(cncfSample());
  const controller = new AbortController();
  const given = setting.artifacts.obtain({ image: setting.image }, controller.signal);
  const other = setting.artifacts.obtain({ image: setting.image });
  controller.abort(new Error("the app is gone"));
  await expect(given).rejects.toThrow("the app is gone");
  expect((await other).programs[0].digest).toBe(digestOf(COMPONENT));
});

test("OciArtifacts: a pull secret is used for its registry, else the user's own credentials", async () => {
  const folder = mkdtempSync(join(root, "store-"));
  await using registry = await startFakeRegistry((_, response) =>
    response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end(),
  );
  const client = RegistryClient.create({ timing: createFakeTiming(), plainHttp: [registry.host] });
  const user = { kind: "password", username: "user", password: new Secret("u") } as const;
  const artifacts = new OciArtifacts(new ArtifactStore(folder), client, {
    credentials: () => Promise.resolve(user),
  });
  const [ofSecret, ofUser] = ["ada:pw", "user:u"].map((pair) => Buffer.from(pair).toString("base64"));
  const auths = { [registry.host]: { auth: ofSecret } };
  const image = `${registry.host}/app:1`;
  for (const secrets of [[Buffer.from(JSON.stringify({ auths }))], [Buffer.from("{}")]]) {
    await expect(artifacts.obtain({ image, secrets })).rejects.toHaveProperty("code", "OCI_UNAUTHORIZED");
  }
  expect(registry.authorizations).toEqual([undefined, `Basic ${ofSecret}`, undefined, `Basic ${ofUser}`]);
  const broken = artifacts.obtain({ image, secrets: [Buffer.from("no JSON")] });
  await expect(broken).rejects.toHaveProperty("code", "OCI_CONFIG_INVALID");
  await client.close();
});

const release = generateKeyPairSync("ec", { namedCurve: "P-256" });
const foreign = generateKeyPairSync("ec", { namedCurve: "P-256" });

function policyFor(image: string): Policy {
  const publicKey = release.publicKey.export({ type: "spki", format: "pem" });
  const repositories = [image.slice(0, image.lastIndexOf(":"))];
  return readPolicy({ rules: [{ name: "ours", repositories, signedBy: [{ name: "release", publicKey }] }] }, "policy");
}

test("contract: a repository that the policy does not allow is not asked", async () => {
  await using setting = await set(cncfSample());
  const artifacts = setting.restart(policyFor("ghcr.io/example/hello:1"));
  await expect(artifacts.obtain({ image: setting.image })).rejects.toHaveProperty("code", "OCI_POLICY_REFUSED");
  expect(setting.registry.requests).toEqual([]);
});

test("contract: without the signature that a rule wants, nothing of the program is fetched", async () => {
  await using setting = await set(cncfSample());
  const policy = policyFor(setting.image);
  for (const sign of [(): void => {}, (): void => setting.sign(foreign.privateKey)]) {
    sign();
    const refused = setting.restart(policy).obtain({ image: setting.image });
    await expect(refused).rejects.toMatchObject({
      code: "OCI_POLICY_REFUSED",
      message: expect.stringContaining('"ours"'),
    });
  }
  expect(setting.registry.requests.join()).not.toContain(digestOf(COMPONENT));
});

test("contract: with its signature it runs, and starts again without the registry; a policy that is stricter refuses it", async () => {
  await using setting = await set(cncfSample());
  const policy = policyFor(setting.image);
  setting.sign(release.privateKey);
  const image = { image: setting.image };
  expect((await setting.restart(policy).obtain(image)).programs[0].digest).toBe(digestOf(COMPONENT));
  setting.fail(503);
  const before = setting.registry.requests.length;
  expect((await setting.restart(policy).obtain(image)).programs[0].digest).toBe(digestOf(COMPONENT));
  expect(setting.registry.requests).toHaveLength(before);
  const stricter = {
    rules: policy.rules.map((rule) => ({
      name: "stricter",
      repositories: rule.repositories,
      signers: [{ kind: "key" as const, name: "other", key: foreign.publicKey }],
    })),
  };
  await expect(setting.restart(stricter).obtain(image)).rejects.toHaveProperty("code", "OCI_UNREACHABLE");
  setting.fail(undefined);
  await expect(setting.restart(stricter).obtain(image)).rejects.toHaveProperty("code", "OCI_POLICY_REFUSED");
});
