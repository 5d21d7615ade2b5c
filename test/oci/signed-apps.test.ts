import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ArtifactStore } from "../../node-runtime/artifacts/artifact-store.ts";
import { withArtifacts } from "../../node-runtime/artifacts/oci-artifacts.ts";
import { digestOf } from "../../oci/digest.ts";
import { cncfSample } from "../../oci/layouts/samples.ts";
import { readPolicy, type Policy } from "../../oci/policy/policy.ts";
import { CA, CODE_SIGNING, issuedBy, TestAuthority, TIMESTAMPING } from "../../oci/policy/test-certificates.ts";
import {
  get,
  makeTemporaryFolder,
  repositoryFile,
  startTestRuntime,
  untilApp,
  urlOf,
  type Manifest,
} from "../harness.ts";
import { pushSample, runTool, runToolAside } from "./foreign-tools.ts";
import { startListingRegistry } from "./listing-registry.ts";
import { startCraneRegistry, startNewRegistry, startRealRegistry, type RealRegistry } from "./real-registry.ts";
import { startTimestampServer } from "./timestamp-server.ts";
import { dockerRegistry, goTool, needTools, type TestTool } from "./tools.ts";

/*
 * Artifacts that cosign signed, under a policy that wants its signature.
 */

/** Without sigstore's services. */
const OFFLINE = ["--use-signing-config=false", "--tlog-upload=false", "--yes", "--allow-http-registry"];
const IDENTITY = "https://ci.example.com/app";
const ISSUER = "https://token.example.com";
const WASM = readFileSync(repositoryFile("examples/hello-rust/hello-rust.wasm"));

function refusal(flaw: string): object {
  const details = { actual: expect.stringContaining(flaw) };
  return { code: "OCI_POLICY_REFUSED", message: expect.stringContaining('"ours"'), details };
}

function app(name: string, image: string): Manifest {
  const spec = { source: { oci: { image } } };
  return { apiVersion: "wasmlet.dev/v1alpha1", kind: "WasmApp", metadata: { name }, spec };
}

const isThere = needTools(dockerRegistry(), goTool("cosign"));
needTools(goTool("crane"));

describe.skipIf(!isThere)("apps under a policy", () => {
  const cache = makeTemporaryFolder();
  let registry: RealRegistry;
  let policy: Policy;
  const cosign = (...args: string[]): string => runTool("cosign", registry.folder, ...args);

  beforeAll(async () => {
    registry = await startRealRegistry();
    cosign("generate-key-pair");
    const publicKey = readFileSync(join(registry.folder, "cosign.pub"), "utf8");
    const signedBy = [{ name: "release", publicKey }];
    policy = readPolicy({ rules: [{ name: "ours", repositories: [`${registry.host}/ours/**`], signedBy }] }, "policy");
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    cache.remove();
  });

  test("what cosign signed runs; what it did not, and what no rule allows, says which rule", async () => {
    const images = ["ours/signed", "ours/unsigned", "theirs/hello"].map((name) => `${registry.host}/${name}:1`);
    for (const [index, image] of images.entries()) {
      await pushSample(image, cncfSample(WASM, { author: `author ${index}` }));
    }
    const [signed = "", unsigned = "", theirs = ""] = images;
    cosign("sign", "--key", "cosign.key", ...OFFLINE, signed);
    const manifests = [app("signed", signed), app("unsigned", unsigned), app("theirs", theirs)];
    const runtime = await startTestRuntime(manifests, cache.path, { registries: { policy } });
    try {
      expect((await get(`${await urlOf(runtime, "signed")}/`)).status).toBe(200);
      expect(await untilApp(runtime, "unsigned", "BackOff")).toMatchObject({
        reason: "OCI_POLICY_REFUSED",
        message: expect.stringMatching(/the rule "ours".*a signature by release.*no signature/),
      });
      expect(await untilApp(runtime, "theirs", "BackOff")).toMatchObject({
        reason: "OCI_POLICY_REFUSED",
        message: expect.stringContaining("no rule of the policy allows"),
      });
    } finally {
      await runtime.stop(0);
    }
  });
});

/** Who is asked, and how cosign signs: as a bundle by default, as cosign 2 did without it. */
const registries: [name: string, tool: TestTool, start: () => Promise<RealRegistry>][] = [
  ["docker-registry, which keeps no list", dockerRegistry(), startRealRegistry],
  ["distribution 3, which keeps no list", goTool("registry"), startNewRegistry],
  ["crane's registry, which keeps no list", goTool("crane"), startCraneRegistry],
  ["a registry that lists what refers to an artifact", dockerRegistry(), startListingRegistry],
];
const forms: [name: string, options: string[]][] = [
  ["a bundle", []],
  ["cosign 2's tag", ["--new-bundle-format=false"]],
];

describe.skipIf(!isThere).for(registries.filter(([, { path }]) => path !== undefined))(
  "signed in %s",
  ([, , start]) => {
    const authorities = new TestAuthority();
    const folders: { remove: () => void }[] = [];
    let registry: RealRegistry;
    // Servers that cosign asks are in this process.
    const cosign = (...args: string[]): Promise<string> => runToolAside("cosign", registry.folder, ...args);

    const root = authorities.issue(CA);
    const intermediate = authorities.issue([...CA, "authorityKeyIdentifier=keyid"], root);
    const names = [`subjectAltName=URI:${IDENTITY}`, issuedBy(ISSUER)];
    const leaf = authorities.issue([...CODE_SIGNING, ...names], intermediate);
    const timestamper = authorities.issue(TIMESTAMPING, root);

    beforeAll(async () => {
      registry = await start();
      await cosign("generate-key-pair");
      const write = (name: string, text: string | Buffer): void => writeFileSync(join(registry.folder, name), text);
      write("leaf.pem", leaf.certificate);
      write("chain.pem", intermediate.certificate + root.certificate);
      write("leaf.key", leaf.key.export({ type: "sec1", format: "pem" }));
      await cosign("import-key-pair", "--key", "leaf.key", "--output-key-prefix", "certified");
    });
    afterAll(async () => {
      await registry[Symbol.asyncDispose]();
      authorities.remove();
      folders.forEach((folder) => folder.remove());
    });

    /** Pulls an image under a policy that wants this signer, into a store of its own. */
    const obtain = async (image: string, signedBy: object): Promise<string> => {
      const rules = [{ name: "ours", repositories: [`${registry.host}/**`], signedBy: [{ name: "ci", ...signedBy }] }];
      const folder = makeTemporaryFolder();
      folders.push(folder);
      const settings = { policy: readPolicy({ rules }, "policy") };
      return withArtifacts(new ArtifactStore(folder.path), settings, async (artifacts) => {
        return (await artifacts.obtain({ image })).programs[0].digest;
      });
    };
    const publicKeyOf = (name: string): object => ({
      publicKey: readFileSync(join(registry.folder, `${name}.pub`), "utf8"),
    });
    const push = async (name: string): Promise<string> => {
      const image = `${registry.host}/signed/${name.replaceAll(/[^a-z0-9]+/g, "-")}:1`;
      await pushSample(image, cncfSample(WASM, { author: name }));
      return image;
    };

    test.each(forms)("by a key, as %s: runs; by another one does not", async (name, options) => {
      const image = await push(`key ${name}`);
      await expect(obtain(image, publicKeyOf("cosign"))).rejects.toMatchObject(refusal("no signature"));
      await cosign("sign", "--key", "cosign.key", ...OFFLINE, ...options, image);
      expect(await obtain(image, publicKeyOf("cosign"))).toBe(digestOf(WASM));
      await expect(obtain(image, publicKeyOf("certified"))).rejects.toMatchObject(refusal("by another key"));
    });

    test.each(forms)(
      "by a certificate with an intermediate, as %s: runs; for another identity not",
      async (name, options) => {
        const image = await push(`certificate ${name}`);
        const certificate = ["--certificate", "leaf.pem", "--certificate-chain", "chain.pem"];
        await cosign("sign", "--key", "certified.key", ...certificate, ...OFFLINE, ...options, image);
        const wanted = { authority: root.certificate, identity: IDENTITY, issuer: ISSUER };
        expect(await obtain(image, { certificate: wanted })).toBe(digestOf(WASM));
        const other = { ...wanted, identity: "https://ci.example.com/other" };
        await expect(obtain(image, { certificate: other })).rejects.toMatchObject(
          refusal("certificate identity error"),
        );
        const stamped = { ...wanted, timestampAuthority: timestamper.certificate + root.certificate };
        await expect(obtain(image, { certificate: stamped })).rejects.toMatchObject(refusal("without a timestamp"));
      },
    );

    test.each(forms)("by a certificate and timestamped, as %s: runs", async (name, options) => {
      const image = await push(`timestamp ${name}`);
      await using server = await startTimestampServer(authorities, timestamper);
      const certificate = ["--certificate", "leaf.pem", "--certificate-chain", "chain.pem"];
      const timestamp = ["--timestamp-server-url", server.url];
      await cosign("sign", "--key", "certified.key", ...certificate, ...timestamp, ...OFFLINE, ...options, image);
      const wanted = { authority: root.certificate, identity: IDENTITY };
      const stamped = { ...wanted, timestampAuthority: timestamper.certificate + root.certificate };
      expect(await obtain(image, { certificate: stamped })).toBe(digestOf(WASM));
    });

    test("an attestation is no signature", async () => {
      const image = await push("attested");
      writeFileSync(join(registry.folder, "predicate.json"), "{}");
      const predicate = ["--predicate", "predicate.json", "--type", "https://example.com/built"];
      await cosign("attest", "--key", "cosign.key", ...predicate, ...OFFLINE, image);
      await expect(obtain(image, publicKeyOf("cosign"))).rejects.toMatchObject(
        refusal("something else than a signature"),
      );
    });
  },
);
