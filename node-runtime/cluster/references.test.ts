import { expect, test } from "vitest";
import { readReplicaSpec } from "../../crds/wasm-replica/read.ts";
import { minimalReplica, minimalTemplate } from "./fixtures.ts";
import { referencesOf } from "./references.ts";

function referencesIn(changes: Record<string, unknown>): string[] {
  const { spec } = readReplicaSpec(minimalReplica("a", { spec: { template: minimalTemplate(changes) } }).spec);
  return referencesOf(spec!.template, "ns").map(
    ({ kind, name, isOptional }) => `${kind} ${name}${isOptional ? "?" : ""}`,
  );
}

test("references: every place of a template that names an object", () => {
  expect(
    referencesIn({
      source: { oci: { image: "r.example/a:1", imagePullSecrets: [{ name: "pull" }] } },
      envFrom: [{ configMapRef: { name: "from-map" } }, { secretRef: { name: "from-secret", optional: true } }],
      env: [
        { name: "A", value: "1" },
        { name: "B", valueFrom: { configMapKeyRef: { name: "map", key: "b" } } },
        { name: "C", valueFrom: { secretKeyRef: { name: "secret", key: "c" } } },
        { name: "D", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      ],
      files: [
        { name: "f", mountPath: "/f", configMap: { name: "files", optional: true } },
        { name: "s", mountPath: "/s", secret: { secretName: "secret-files" } },
        { name: "e", mountPath: "/e", emptyDir: {} },
      ],
    }),
  ).toEqual([
    "Secret pull",
    "ConfigMap from-map",
    "Secret from-secret?",
    "ConfigMap map",
    "Secret secret",
    "ConfigMap files?",
    "Secret secret-files",
  ]);
});

test("references: an object is there once, and optional only if every part can do without", () => {
  const both = [{ configMapRef: { name: "map", optional: true } }, { configMapRef: { name: "map" } }];
  const source = { http: { url: "https://example.com/a.wasm", sha256: "0".repeat(64) } };
  expect(referencesIn({ source, envFrom: both })).toEqual(["ConfigMap map"]);
});
