import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cncfSample } from "../../oci/layouts/samples.ts";
import { CODE_SIGNING, issuedBy, TestAuthority } from "../../oci/policy/test-certificates.ts";
import { readPolicy, type Policy } from "../../oci/policy/policy.ts";
import {
  get,
  makeTemporaryFolder,
  repositoryFile,
  startTestRuntime,
  untilApp,
  urlOf,
  type Manifest,
} from "../harness.ts";
import { pushSample, runTool } from "./foreign-tools.ts";
import { startRealRegistry, type RealRegistry } from "./real-registry.ts";
import { dockerRegistry, goTool, needTools } from "./tools.ts";

/*
 * Artifacts that cosign signed, under a policy that wants its signature.
 */

const WASM = readFileSync(repositoryFile("examples/hello-rust/hello-rust.wasm"));

function app(name: string, image: string): Manifest {
  const spec = { source: { oci: { image } } };
  return { apiVersion: "wasmlet.dev/v1alpha1", kind: "WasmApp", metadata: { name }, spec };
}

describe.skipIf(!needTools(dockerRegistry(), goTool("cosign")))("apps under a policy", () => {
  const cache = makeTemporaryFolder();
  let registry: RealRegistry;
  let policy: Policy;
  const write = (name: string, text: string | Buffer): void => writeFileSync(join(registry.folder, name), text);
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
    cosign("sign", "--key", "cosign.key", "--tlog-upload=false", "--yes", "--allow-http-registry", signed);
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

  test("what cosign signed with a certificate runs; where another identity is wanted, it does not", async () => {
    const authorities = new TestAuthority();
    const identity = "https://ci.example.com/app";
    const issuer = "https://token.example.com";
    const root = authorities.issue(["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]);
    const leaf = authorities.issue([...CODE_SIGNING, `subjectAltName=URI:${identity}`, issuedBy(issuer)], root);
    authorities.remove();
    write("leaf.pem", leaf.certificate);
    write("root.pem", root.certificate);
    write("leaf.key", leaf.key.export({ type: "sec1", format: "pem" }));
    cosign("import-key-pair", "--key", "leaf.key", "--output-key-prefix", "certified");
    const images = ["certified/ours", "certified/theirs"].map((name) => `${registry.host}/${name}:1`);
    const [ours = "", theirs = ""] = images;
    const certificate = [
      "--certificate",
      "leaf.pem",
      "--certificate-chain",
      "root.pem",
      "--tlog-upload=false",
      "--yes",
    ];
    for (const image of images) {
      await pushSample(image, cncfSample(WASM, { author: image }));
      cosign("sign", "--key", "certified.key", ...certificate, "--allow-http-registry", image);
    }
    const rules = [
      [ours, identity],
      [theirs, "https://ci.example.com/other"],
    ].map(([image = "", wanted]) => ({
      name: wanted,
      repositories: [image.slice(0, -2)],
      signedBy: [{ name: "ci", certificate: { authority: root.certificate, identity: wanted, issuer } }],
    }));
    const registries = { policy: readPolicy({ rules }, "policy") };
    const runtime = await startTestRuntime([app("ours", ours), app("theirs", theirs)], cache.path, { registries });
    try {
      expect((await get(`${await urlOf(runtime, "ours")}/`)).status).toBe(200);
      expect(await untilApp(runtime, "theirs", "BackOff")).toMatchObject({
        reason: "OCI_POLICY_REFUSED",
        message: expect.stringContaining("certificate identity error"),
      });
    } finally {
      await runtime.stop(0);
    }
  });
});
