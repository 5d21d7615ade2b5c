import { expect, test } from "vitest";
import { minimalRuntime } from "../apps/test-fixtures.ts";
import type { WasmRuntime } from "../objects.ts";
import { buildDaemonSet } from "./daemon-set.ts";

const SETTINGS = { namespace: "wasmlet-system", image: "wasmlet:1", imagePullSecrets: [] };

function podOf(changes: Partial<WasmRuntime["spec"]> = {}): ReturnType<typeof podSpec> {
  const runtime = minimalRuntime();
  return podSpec({ ...runtime, spec: { ...runtime.spec, ...changes } });
}

function podSpec(
  runtime: WasmRuntime,
): NonNullable<NonNullable<ReturnType<typeof buildDaemonSet>["spec"]>["template"]["spec"]> {
  return buildDaemonSet(runtime, SETTINGS).spec!.template.spec!;
}

test("contract: a runtime's pod has no root, no capabilities, no new privileges and no file system to write but its volumes", () => {
  const { securityContext, containers, hostNetwork, hostPID, hostIPC, volumes } = podOf();
  expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
  expect(containers.map((container) => container.securityContext)).toEqual([
    { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
  ]);
  expect([hostNetwork, hostPID, hostIPC]).toEqual([undefined, undefined, undefined]);
  expect(volumes!.filter((volume) => "hostPath" in volume)).toEqual([]);
});

test("contract: namespaces share processes only where the runtime says so", () => {
  expect(podOf().containers[0]!.args).not.toContain("--shared-cells");
  expect(podOf({ sharedCells: false }).containers[0]!.args).not.toContain("--shared-cells");
  expect(podOf({ sharedCells: true }).containers[0]!.args).toContain("--shared-cells");
});
