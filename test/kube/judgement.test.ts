import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatPath } from "../../crds/schema/field-problem.ts";
import type { SchemaNode } from "../../crds/schema/schema-node.ts";
import { defaultWasmApp, validateWasmApp } from "../../crds/validate.ts";
import { arbitraryBrokenManifest, arbitraryManifest } from "../../crds/wasm-app/arbitrary.ts";
import { minimalManifest } from "../../crds/wasm-app/fixtures.ts";
import { WASM_APP_SCHEMA } from "../../crds/wasm-app/schema.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { applyCrds } from "../operator/crds.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";

/*
 * The API server and the standalone validator as two judges of one manifest: what one accepts the other accepts, with the
 * same defaults, and what breaks a rule is told in the same words.
 */

const PATH = "/apis/wasmlet.dev/v1alpha1/namespaces/default/wasmapps?dryRun=All&fieldValidation=Strict";
const FIXED_SEED = 20_261;
const FOLLOWING_RUNS = 120;
const BROKEN_RUNS = 350;

/** What the API server says of a manifest. */
interface Verdict {
  isAccepted: boolean;
  spec?: unknown;
  message: string;
  causes: { field?: string; message?: string }[];
}

let plane: ControlPlane;
let agent: Agent;

/** Sends a manifest, whatever it is, to be created and not kept. */
async function judge(manifest: unknown): Promise<Verdict> {
  const { statusCode, body } = await request(`${plane.cluster.server}${PATH}`, {
    method: "POST",
    dispatcher: agent,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(manifest),
  });
  const answer = (await body.json()) as { spec?: unknown; message?: string; details?: { causes?: Verdict["causes"] } };
  if (statusCode >= 500) throw new Error(`HTTP status ${statusCode}: ${answer.message}`);
  const { spec, message = "", details } = answer;
  return { isAccepted: statusCode < 300, spec, message, causes: details?.causes ?? [] };
}

/** Expects both to accept a manifest, with the same defaults, or both to refuse it; returns which. */
async function expectAgreement(manifest: unknown): Promise<boolean> {
  const problems = validateWasmApp(manifest);
  const { isAccepted, spec, message } = await judge(manifest);
  const ours = problems.map((problem) => `${formatPath(problem.path)}: ${problem.message}`).join("; ");
  expect(isAccepted, `the API server says "${message}", we say "${ours}"`).toBe(problems.length === 0);
  if (isAccepted) expect(spec).toEqual(defaultWasmApp(manifest).spec);
  return isAccepted;
}

/** Returns how many of the generated manifests were accepted. */
async function countAccepted(manifests: fc.Arbitrary<unknown>, numRuns: number, seed: number): Promise<number> {
  let accepted = 0;
  const property = fc.asyncProperty(manifests, async (manifest) => {
    if (await expectAgreement(manifest)) accepted++;
  });
  await fc.assert(property, { numRuns, seed });
  return accepted;
}

const FOLDER = { name: "data", mountPath: "/data" };
const GATEWAYS = { httpRoute: { parentRefs: [{ name: "public" }] } };
const FIELD = { fieldRef: { fieldPath: "metadata.name" } };

/** For each rule of the schema, by its message, parts of a spec that break it and nothing else. */
const RULE_BREAKERS: Record<string, object[]> = {
  "exactly one of oci, http, configMap is expected": [
    { source: {} },
    { source: { oci: { image: "example.com/a:1" }, configMap: { name: "a", key: "a.wasm" } } },
  ],
  "exactly one of http, command, cron is expected": [
    { trigger: {} },
    { trigger: { http: {}, command: {}, cron: { schedule: "@hourly" } } },
  ],
  "exactly one of configMapKeyRef, secretKeyRef, fieldRef is expected": [
    { env: [{ name: "A", valueFrom: {} }] },
    { env: [{ name: "A", valueFrom: { ...FIELD, secretKeyRef: { name: "a", key: "a" } } }] },
  ],
  "value and valueFrom exclude each other": [{ env: [{ name: "A", value: "", valueFrom: FIELD }] }],
  "exactly one of configMapRef, secretRef is expected": [
    { envFrom: [{ prefix: "A_" }] },
    { envFrom: [{ configMapRef: { name: "a" }, secretRef: { name: "a" } }] },
  ],
  "exactly one of configMap, secret, emptyDir is expected": [
    { files: [FOLDER] },
    { files: [{ ...FOLDER, configMap: { name: "a" }, emptyDir: {} }] },
  ],
  "files from a ConfigMap or Secret are always read-only: leave readOnly out or set it to true": [
    { files: [{ ...FOLDER, readOnly: false, secret: { secretName: "a" } }] },
  ],
  "each mountPath may be used once": [
    {
      files: [
        { ...FOLDER, emptyDir: {} },
        { ...FOLDER, name: "more", emptyDir: {} },
      ],
    },
  ],
  "a duration of more than zero is expected": [{ limits: { cpuTimePerRequest: "0s" } }],
  "maxReplicas must not be less than minReplicas": [{ scale: { minReplicas: 3, maxReplicas: 2 } }],
  "canary is expected with strategy Canary, and only with it": [
    { rollout: { strategy: "Canary" } },
    { rollout: { canary: { weight: 5 } } },
  ],
  "expose is for apps with the http trigger": [{ expose: GATEWAYS, trigger: { command: {} } }],
  "placement.everyNode already says how many nodes run the app: leave maxReplicas out": [
    { placement: { everyNode: true }, scale: { maxReplicas: 2 } },
  ],
};

const BREAKERS = Object.entries(RULE_BREAKERS).flatMap(([rule, specs]) => specs.map((spec) => ({ rule, spec })));

/** Returns the messages of all rules of a schema. */
function rulesOf({ properties = {}, items, "x-kubernetes-validations": rules = [] }: SchemaNode): string[] {
  const children = [...Object.values(properties), ...(items === undefined ? [] : [items])];
  return [...rules.map(({ message }) => message), ...children.flatMap(rulesOf)];
}

describe.skipIf(!needCluster("control-plane"))("judgement of WasmApps by a real API server", () => {
  beforeAll(async () => {
    plane = await startControlPlane();
    const { ca, certificate, key } = plane.cluster.admin!;
    const connect = { ca: readFileSync(ca), cert: readFileSync(certificate), key: readFileSync(key) };
    agent = new Agent({ connect });
    await applyCrds(plane.client);
  });
  afterAll(async () => {
    await agent?.close();
    await plane?.[Symbol.asyncDispose]();
  });

  // A seed that fails stands in the name of the test, to be tried again.
  const seeds = [FIXED_SEED, randomInt(2 ** 31)];

  test.each(seeds)("contract: manifests that follow the schema are judged alike, seed %i", async (seed) => {
    expect(await countAccepted(arbitraryManifest(), FOLLOWING_RUNS, seed)).toBeGreaterThan(FOLLOWING_RUNS / 2);
  });

  test.each(seeds)("contract: manifests that are broken somewhere are judged alike, seed %i", async (seed) => {
    expect(await countAccepted(arbitraryBrokenManifest(), BROKEN_RUNS, seed)).toBeLessThan(BROKEN_RUNS / 2);
  });

  test("every rule of the schema has a manifest that breaks it", () => {
    expect(new Set(Object.keys(RULE_BREAKERS))).toEqual(new Set(rulesOf(WASM_APP_SCHEMA)));
  });

  test.each(BREAKERS)("rule: both refuse $spec in the same words: $rule", async ({ rule, spec }) => {
    const manifest = minimalManifest({ spec });
    const problems = validateWasmApp(manifest);
    expect(problems).toMatchObject([{ code: "MANIFEST_RULE", message: expect.stringContaining(rule) }]);
    const { isAccepted, causes } = await judge(manifest);
    expect(isAccepted).toBe(false);
    expect(causes).toMatchObject([
      { field: formatPath(problems[0]!.path), message: expect.stringContaining(problems[0]!.message) },
    ]);
  });
});
