import { expect, test } from "vitest";
import { formatPath } from "./schema/field-problem.ts";
import { defaultWasmApp, readWasmApp, validateWasmApp } from "./validate.ts";
import { minimalManifest, minimalWasmApp } from "./wasm-app/fixtures.ts";

/** The problems of the minimal manifest with these sections of its spec replaced, as `path: message`. */
function problemsOf(spec: Record<string, unknown>): string[] {
  const manifest = minimalManifest();
  return report({ ...manifest, spec: { ...(manifest["spec"] as object), ...spec } });
}

function report(manifest: unknown): string[] {
  return validateWasmApp(manifest).map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

test("WasmApp: the smallest manifest is valid and gets every default", () => {
  expect(readWasmApp(minimalManifest())).toEqual({
    problems: [],
    app: {
      apiVersion: "wasmlet.dev/v1alpha1",
      kind: "WasmApp",
      metadata: { name: "hello", namespace: "default" },
      spec: {
        source: { oci: { image: "registry.example.com/hello:1.0.0" } },
        trigger: { http: {} },
        env: [],
        envFrom: [],
        files: [],
        limits: { memory: "128Mi", requestTimeoutSeconds: 60 },
        isolation: { reuse: "Request", cell: "Namespace" },
        network: { allowedOutboundHosts: [] },
        scale: { minReplicas: 1, idleSeconds: 60 },
        rollout: { strategy: "RollingUpdate", progressDeadlineSeconds: 600 },
      },
    },
  });
});

test("WasmApp: defaults reach into sections and entries that are there", () => {
  const app = minimalWasmApp({
    spec: {
      trigger: { cron: { schedule: "@daily" } },
      limits: { memory: "1Gi" },
      expose: { httpRoute: { parentRefs: [{ name: "gateway" }] } },
    },
  });
  expect(app.spec.trigger).toEqual({
    cron: { schedule: "@daily", timeZone: "Etc/UTC", concurrencyPolicy: "Allow", suspend: false, args: [] },
  });
  expect(app.spec.limits).toEqual({ memory: "1Gi", requestTimeoutSeconds: 60 });
  expect(app.spec.expose?.httpRoute.paths).toEqual([{ type: "PathPrefix", value: "/" }]);
});

test("WasmApp: defaulting twice changes nothing", () => {
  const app = minimalWasmApp({ spec: { placement: {}, files: [] } });
  expect(defaultWasmApp(app)).toEqual(app);
});

test.each<[string, Record<string, unknown>, string[]]>([
  ["no source", { source: undefined }, ["spec.source: is required: a mapping with oci, http, configMap"]],
  [
    "two sources",
    { source: { oci: { image: "a" }, configMap: { name: "a", key: "b" } } },
    ["spec.source: exactly one of oci, http, configMap is expected; got oci and configMap"],
  ],
  [
    "no digest",
    { source: { http: { url: "https://example.com/a.wasm" } } },
    ["spec.source.http.sha256: is required: 64 lower-case hexadecimal digits"],
  ],
  [
    "a URL for an image",
    { source: { oci: { image: "https://example.com/a" } } },
    [
      'spec.source.oci.image: expected an image reference such as registry.example.com/team/hello:1.0, without a scheme, got "https://example.com/a"',
    ],
  ],
  [
    "two triggers",
    { trigger: { http: {}, command: {} } },
    ["spec.trigger: exactly one of http, command, cron is expected; got http and command"],
  ],
  ["an empty trigger", { trigger: {} }, ["spec.trigger: exactly one of http, command, cron is expected; got none"]],
  [
    "a bad schedule",
    { trigger: { cron: { schedule: "every day" } } },
    [
      'spec.trigger.cron.schedule: expected five cron fields such as */5 * * * *, or a macro such as @hourly, got "every day"',
    ],
  ],
  [
    "a misspelt policy",
    { trigger: { command: { restartPolicy: "Onfailure" } } },
    [
      'spec.trigger.command.restartPolicy: expected one of Always, OnFailure, Never, got "Onfailure"; did you mean OnFailure?',
    ],
  ],
  [
    "value and valueFrom",
    { env: [{ name: "A", value: "", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] },
    ["spec.env[0]: value and valueFrom exclude each other"],
  ],
  [
    "an empty valueFrom",
    { env: [{ name: "A", valueFrom: {} }] },
    ["spec.env[0].valueFrom: exactly one of configMapKeyRef, secretKeyRef, fieldRef is expected; got none"],
  ],
  [
    "a number for a variable",
    { env: [{ name: "PORT", value: 8080 }] },
    ["spec.env[0].value: expected a text, got the number 8080; put it in quotes"],
  ],
  [
    "a variable twice",
    {
      env: [
        { name: "A", value: "1" },
        { name: "A", value: "2" },
      ],
    },
    ['spec.env[1].name: "A" is already used by spec.env[0]'],
  ],
  [
    "two refs in envFrom",
    { envFrom: [{ configMapRef: { name: "a" }, secretRef: { name: "b" } }] },
    ["spec.envFrom[0]: exactly one of configMapRef, secretRef is expected; got configMapRef and secretRef"],
  ],
  [
    "a host path",
    { files: [{ name: "a", mountPath: "/a", hostPath: { path: "/" } }] },
    ['spec.files[0].hostPath: unknown field "hostPath"'],
  ],
  [
    "an escaping mount path",
    { files: [{ name: "a", mountPath: "/a/../b", emptyDir: {} }] },
    ['spec.files[0].mountPath: expected an absolute path without `.`, `..`, empty parts or colons, got "/a/../b"'],
  ],
  [
    "a mount path twice",
    {
      files: [
        { name: "a", mountPath: "/a", emptyDir: {} },
        { name: "b", mountPath: "/a", emptyDir: {} },
      ],
    },
    ["spec.files: each mountPath may be used once"],
  ],
  [
    "a writable ConfigMap",
    { files: [{ name: "a", mountPath: "/a", readOnly: false, configMap: { name: "a" } }] },
    [
      "spec.files[0].readOnly: files from a ConfigMap or Secret are always read-only: leave readOnly out or set it to true",
    ],
  ],
  [
    "a misspelt limit",
    { limits: { memry: "64Mi" } },
    ['spec.limits.memry: unknown field "memry"; did you mean memory?'],
  ],
  [
    "a bad quantity",
    { limits: { memory: "64 MB" } },
    ['spec.limits.memory: expected a positive quantity of bytes such as 64Mi or 1.5Gi, got "64 MB"'],
  ],
  ["a quantity of zero", { limits: { memory: 0 } }, ["spec.limits.memory: expected at least 1, got 0"]],
  [
    "no CPU time",
    { limits: { cpuTimePerRequest: "0s" } },
    ["spec.limits.cpuTimePerRequest: a duration of more than zero is expected"],
  ],
  [
    "too long a timeout",
    { limits: { requestTimeoutSeconds: 3601 } },
    ["spec.limits.requestTimeoutSeconds: expected at most 3600, got 3601"],
  ],
  [
    "a host with a path",
    { network: { allowedOutboundHosts: ["a.example.com", "https://b.example.com/x"] } },
    [
      'spec.network.allowedOutboundHosts[1]: expected a host such as api.example.com, *.example.com:443, http://svc.ns.svc:8080 or 10.0.0.0/8, got "https://b.example.com/x"',
    ],
  ],
  [
    "fewer at most than at least",
    { scale: { minReplicas: 3, maxReplicas: 2 } },
    ["spec.scale.maxReplicas: maxReplicas must not be less than minReplicas"],
  ],
  [
    "every node and a maximum",
    { placement: { everyNode: true }, scale: { maxReplicas: 2 } },
    ["spec.scale.maxReplicas: placement.everyNode already says how many nodes run the app: leave maxReplicas out"],
  ],
  [
    "an exposed command",
    { trigger: { command: {} }, expose: { httpRoute: { parentRefs: [{ name: "g" }] } } },
    ["spec.expose: expose is for apps with the http trigger"],
  ],
  [
    "a canary without its strategy",
    { rollout: { canary: { weight: 10 } } },
    ["spec.rollout.canary: canary is expected with strategy Canary, and only with it"],
  ],
  [
    "the strategy without a canary",
    { rollout: { strategy: "Canary" } },
    ["spec.rollout.canary: canary is expected with strategy Canary, and only with it"],
  ],
])("contract: %s is refused in these words", (_case, spec, expected) => {
  expect(problemsOf(spec)).toEqual(expected);
});

test("WasmApp: every problem is reported at once, rules of sound sections included", () => {
  const found = problemsOf({
    trigger: { http: {}, cron: { schedule: "@daily" } },
    limits: { memory: true, requestTimeoutSeconds: 0 },
    env: [{ name: "1A" }],
    scale: { minReplicas: 3, maxReplicas: 1 },
    nonsense: 1,
  });
  expect(found.map((line) => line.slice(0, line.indexOf(":"))).sort()).toEqual([
    "spec.env[0].name",
    "spec.limits.memory",
    "spec.limits.requestTimeoutSeconds",
    "spec.nonsense",
    "spec.scale.maxReplicas",
    "spec.trigger",
  ]);
});

test("WasmApp: a misspelt choice is reported once, not as a missing choice too", () => {
  expect(problemsOf({ source: { ocii: { image: "a" } } })).toEqual([
    'spec.source.ocii: unknown field "ocii"; did you mean oci?',
  ]);
});

test("WasmApp: a key with nothing after it counts as left out, and the advice says so", () => {
  const [problem] = validateWasmApp({
    ...minimalManifest(),
    spec: { source: { oci: { image: "a" } }, trigger: { http: null } },
  });
  expect(problem).toMatchObject({
    message: "exactly one of http, command, cron is expected; got none",
    fix: '"http:" with nothing after it counts as left out: give it a value, or write "http: {}".',
  });
});

test.each([
  ["Hello", "an upper-case letter"],
  ["1app", "a digit in front, which a Service may not have"],
  ["a.b", "a dot"],
  ["-a", "a dash in front"],
])("WasmApp: the name %s is refused for %s", (name) => {
  expect(report(minimalManifest({ metadata: { name } }))).toEqual([
    `metadata.name: expected a name of at most 63 lower-case letters, digits and - that starts with a letter, got "${name}"`,
  ]);
});

test("WasmApp: a name longer than a Service's is refused", () => {
  expect(report(minimalManifest({ metadata: { name: "a".repeat(64) } }))).toEqual([
    "metadata.name: expected at most 63 characters, got 64",
  ]);
  expect(report(minimalManifest({ metadata: { name: "a".repeat(63) } }))).toEqual([]);
});

test("WasmApp: what a cluster adds to an object is accepted", () => {
  const manifest = minimalManifest({
    metadata: {
      uid: "1",
      resourceVersion: "2",
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
      managedFields: [{}],
    },
    status: { observedGeneration: 1, replicas: 1, url: "http://hello.default.svc" },
  });
  expect(report(manifest)).toEqual([]);
});

test.each([undefined, null, 5, "x", [], {}])("WasmApp: %j is judged without throwing", (value) => {
  expect(validateWasmApp(value)).not.toEqual([]);
});
