import { expect, test } from "vitest";
import { loadManifests } from "../../crds/load.ts";
import { REFUSED_FIELDS, type RefusedField } from "../../crds/wasm-app/refused-fields.ts";
import { desiredAppOf } from "./manifest-apps.ts";
import type { DesiredApp } from "./desired-state.ts";

/** Returns the app of a manifest with this spec and, unless it is about the source, a local file. */
function desiredApp(
  spec: Record<string, unknown>,
  annotations = { "wasmlet.dev/source-path": "./a.wasm" },
): DesiredApp {
  const manifest = {
    apiVersion: "wasmlet.dev/v1alpha1",
    kind: "WasmApp",
    metadata: { name: "app", annotations },
    spec: { source: { oci: { image: "registry.example.com/app:1" } }, ...spec },
  };
  const { apps, problems } = loadManifests(JSON.stringify(manifest), { file: "app.yaml" });
  expect(problems).toEqual([]);
  return desiredAppOf(apps[0]!, [], []);
}

const USES: Readonly<Record<RefusedField, () => DesiredApp>> = {
  "spec.source.oci": () => desiredApp({}, {} as never),
  "spec.trigger.cron": () => desiredApp({ trigger: { cron: { schedule: "@hourly" } } }),
  "spec.files[].emptyDir.sizeLimit": () =>
    desiredApp({ files: [{ name: "tmp", mountPath: "/tmp", emptyDir: { sizeLimit: "1Mi" } }] }),
  "spec.limits.cpuTimePerRequest": () => desiredApp({ limits: { cpuTimePerRequest: "10ms" } }),
  "spec.limits.requestsPerSecond": () => desiredApp({ limits: { requestsPerSecond: 10 } }),
};

test.each(REFUSED_FIELDS)("manifest apps: %s is refused by its name and place", (field) => {
  const { refusal } = USES[field]();
  expect(refusal).toMatchObject({ code: "APP_FIELD_NOT_SUPPORTED", message: expect.stringContaining(field) });
  expect(refusal?.details.where).toMatch(field.includes("[]") ? /^spec\.files\[tmp\]$/ : /^app\.yaml:1:\d+$/);
});

test("manifest apps: a manifest without such a field is not refused", () => {
  expect(desiredApp({ limits: { memory: "1Mi" } }).refusal).toBeUndefined();
});
