import { expect, test } from "vitest";
import { loadManifests } from "../../crds/load.ts";
import type { Secret } from "../../crds/manifest/core-objects.ts";
import { REFUSED_FIELDS, type RefusedField } from "../../crds/wasm-app/refused-fields.ts";
import { desiredAppOf } from "./manifest-apps.ts";
import type { DesiredApp } from "./desired-state.ts";

/** Returns the app of a manifest with this spec and, unless it is about the source, a local file. */
function desiredApp(
  spec: Record<string, unknown>,
  annotations: Record<string, string> = { "wasmlet.dev/source-path": "./a.wasm" },
  secrets: Secret[] = [],
): DesiredApp {
  const manifest = {
    apiVersion: "wasmlet.dev/v1alpha1",
    kind: "WasmApp",
    metadata: { name: "app", annotations },
    spec: { source: { oci: { image: "registry.example.com/app:1" } }, ...spec },
  };
  const { apps, problems } = loadManifests(JSON.stringify(manifest), { file: "app.yaml" });
  expect(problems).toEqual([]);
  return desiredAppOf(apps[0]!, [], secrets);
}

const USES: Readonly<Record<RefusedField, () => DesiredApp>> = {
  "spec.trigger.cron": () => desiredApp({ trigger: { cron: { schedule: "@hourly" } } }),
};

test.each(REFUSED_FIELDS)("manifest apps: %s is refused by its name and place", (field) => {
  const { refusal } = USES[field]();
  expect(refusal).toMatchObject({ code: "APP_FIELD_NOT_SUPPORTED", message: expect.stringContaining(field) });
  expect(refusal?.details.where).toMatch(/^app\.yaml:1:\d+$/);
});

test("manifest apps: an emptyDir's size limit is in bytes", () => {
  const { refusal, volumes } = desiredApp({
    files: [{ name: "tmp", mountPath: "/tmp", emptyDir: { sizeLimit: "1Mi" } }],
  });
  expect(refusal).toBeUndefined();
  expect(volumes).toEqual([{ name: "tmp", mountPath: "/tmp", writable: true, maxBytes: 1_048_576 }]);
});

test("manifest apps: a manifest without such a field is not refused", () => {
  expect(desiredApp({ limits: { memory: "1Mi" } }).refusal).toBeUndefined();
});

test("manifest apps: CPU time of a request, in milliseconds; left out, it is not limited", () => {
  expect(desiredApp({ limits: { cpuTimePerRequest: "1s500ms" } }).cpuTimeMs).toBe(1500);
  expect(desiredApp({})).not.toHaveProperty("cpuTimeMs");
});

test("manifest apps: an artifact in a registry, with its pull secrets' contents", () => {
  const content = '{"auths":{}}';
  const secret: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "pull", namespace: "default" },
    stringData: { ".dockerconfigjson": content },
  };
  const oci = { image: "registry.example.com/app:1", imagePullPolicy: "Never", imagePullSecrets: [{ name: "pull" }] };
  expect(desiredApp({ source: { oci } }, {}, [secret]).source).toEqual({
    kind: "oci",
    image: "registry.example.com/app:1",
    policy: "Never",
    secrets: [Buffer.from(content)],
  });
  expect(desiredApp({ source: { oci } }, {}).refusal).toMatchObject({ code: "APP_REFERENCE_MISSING" });
});
