import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { buildRole } from "../../operator/benchmarks/resources.ts";
import { STARTUP_BENCHMARKS, type StartupBenchmark } from "../../operator/objects.ts";
import { repositoryFile } from "../harness.ts";
import { CHART, find, helm, HELM_MAJORS, helmLack, render, type ChartObject, type HelmMajor } from "./chart.ts";

/* What the chart renders to, with Helm 3 and Helm 4, without a cluster. */

const lack = helmLack();
if (lack !== undefined) process.stderr.write(`skipped test/chart/render.test.ts: ${lack}\n`);

interface PodSpec {
  securityContext: object;
  nodeSelector?: object;
  tolerations?: object[];
  priorityClassName?: string;
  imagePullSecrets?: object[];
  containers: { image: string; imagePullPolicy: string; args?: string[]; env?: object[]; securityContext: object }[];
}

function podOf(objects: readonly ChartObject[]): PodSpec {
  const { spec } = find(objects, "Deployment", "wasmlet-operator") as unknown as {
    spec: { template: { spec: PodSpec } };
  };
  return spec.template.spec;
}

interface Rule {
  alert?: string;
}

/** What makes the operator's pods others when the pool changes. */
async function poolVersion(major: HelmMajor, ...values: string[]): Promise<unknown> {
  const { spec } = find(await render(major, values), "Deployment", "wasmlet-operator") as unknown as {
    spec: { template: { metadata: ChartObject["metadata"] } };
  };
  return spec.template.metadata.annotations?.["wasmlet.dev/default-runtime"];
}

/** Every value changed, and every switch turned. */
const ALL_VALUES = [
  'image={"repository":"registry.internal/wasmlet","digest":"sha256:' + "0".repeat(64) + '","pullPolicy":"Never"}',
  'imagePullSecrets=[{"name":"registry"}]',
  'commonLabels={"team":"platform"}',
  "crds.install=false",
  "operator.replicas=1",
  'operator.resources={"limits":{"memory":"1Gi"}}',
  'operator.nodeSelector={"role":"system"}',
  'operator.tolerations=[{"key":"system","operator":"Exists"}]',
  "operator.unreachableSeconds=5",
  'operator.affinity={"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[]}}',
  'operator.topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"rack","whenUnsatisfiable":"DoNotSchedule"}]',
  'operator.priorityClassName="system-cluster-critical"',
  'operator.podAnnotations={"a":"b"}',
  'operator.podLabels={"c":"d"}',
  'operator.extraArgs=["--verbose"]',
  'operator.extraEnv=[{"name":"HTTPS_PROXY","value":"http://proxy"}]',
  'operator.serviceAccountAnnotations={"cloud":"role"}',
  'runtime.nodeSelector={"wasm":"true"}',
  'runtime.tolerations=[{"key":"wasm","operator":"Exists","effect":"NoSchedule"}]',
  'runtime.ports={"first":30000,"last":30999}',
  "runtime.cells=2",
  'runtime.cacheSize="1Gi"',
  "networkPolicy.enabled=false",
  "monitoring.enabled=true",
  'monitoring.interval="15s"',
  'monitoring.labels={"release":"prometheus"}',
  'monitoring.alerts.disabled=["WasmletAppSlow"]',
  "monitoring.dashboards.enabled=true",
  'monitoring.dashboards.annotations={"grafana_folder":"Wasmlet"}',
];

/** A rule of RBAC. */
interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

describe.each(HELM_MAJORS.map((major) => ({ major })))("Helm $major", { skip: lack !== undefined }, ({ major }) => {
  test("chart: is without fault", async () => {
    expect(await helm(major, "lint", "--strict", CHART)).toContain("0 chart(s) failed");
  });

  test("chart: every object has its labels and a fixed name", async () => {
    const objects = await render(major);
    expect(objects.map(({ kind, metadata: { name } }) => `${kind} ${name}`).sort()).toEqual([
      "ClusterRole wasmlet-node",
      "ClusterRole wasmlet-operator",
      "ClusterRoleBinding wasmlet-operator",
      "ConfigMap wasmlet-default-runtime",
      "ConfigMap wasmlet-test",
      "CustomResourceDefinition startupbenchmarks.wasmlet.dev",
      "CustomResourceDefinition wasmapps.wasmlet.dev",
      "CustomResourceDefinition wasmreplicas.wasmlet.dev",
      "CustomResourceDefinition wasmruntimes.wasmlet.dev",
      "Deployment wasmlet-operator",
      "NetworkPolicy wasmlet-operator",
      "Pod wasmlet-test",
      "PodDisruptionBudget wasmlet-operator",
      "Role wasmlet-node",
      "Role wasmlet-operator",
      "RoleBinding wasmlet-operator",
      "ServiceAccount wasmlet-operator",
      "ValidatingAdmissionPolicy wasmlet-node-tokens",
      "ValidatingAdmissionPolicy wasmlet-replica-status",
      "ValidatingAdmissionPolicyBinding wasmlet-node-tokens",
      "ValidatingAdmissionPolicyBinding wasmlet-replica-status",
      "WasmApp wasmlet-test",
    ]);
    for (const { metadata } of objects) {
      expect(metadata.labels).toMatchObject({
        "app.kubernetes.io/name": "wasmlet",
        "app.kubernetes.io/instance": "wasmlet",
        "app.kubernetes.io/managed-by": "Helm",
      });
    }
  });

  test("definitions: are the generated ones, and stay when the chart goes", async () => {
    const objects = await render(major);
    for (const plural of ["wasmapps", "wasmreplicas", "wasmruntimes", "startupbenchmarks"]) {
      const name = `${plural}.wasmlet.dev`;
      const { metadata, ...rendered } = find(objects, "CustomResourceDefinition", name);
      const file = readFileSync(repositoryFile(`crds/generated/${name}.yaml`), "utf8");
      const { metadata: _, ...generated } = parse(file) as ChartObject;
      expect(rendered).toEqual(generated);
      expect(metadata.annotations).toEqual({ "helm.sh/resource-policy": "keep" });
    }
  });

  test("operator: may do to HTTPRoutes what it does, and their status is the Gateways'", async () => {
    const { rules } = find(await render(major), "ClusterRole", "wasmlet-operator") as unknown as {
      rules: { apiGroups: string[] }[];
    };
    expect(rules.filter(({ apiGroups }) => apiGroups.includes("gateway.networking.k8s.io"))).toEqual([
      {
        apiGroups: ["gateway.networking.k8s.io"],
        resources: ["httproutes"],
        verbs: ["list", "watch", "create", "patch", "delete"],
      },
    ]);
  });

  test("pods: satisfy the level Restricted", async () => {
    const objects = await render(major);
    const test = find(objects, "Pod", "wasmlet-test") as unknown as { spec: PodSpec };
    for (const pod of [podOf(objects), test.spec]) {
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 65_532,
        seccompProfile: { type: "RuntimeDefault" },
      });
      for (const { securityContext } of pod.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
      }
    }
  });

  test("values: each has its effect", async () => {
    const objects = await render(major, ALL_VALUES, "--api-versions", "monitoring.coreos.com/v1");
    const names = objects.map(({ kind }) => kind);
    expect(names).not.toContain("CustomResourceDefinition");
    expect(names).not.toContain("NetworkPolicy");
    expect(names).not.toContain("PodDisruptionBudget");
    expect(find(objects, "PodMonitor", "wasmlet-operator").metadata.labels).toMatchObject({ release: "prometheus" });
    expect(find(objects, "ServiceAccount", "wasmlet-operator").metadata.annotations).toEqual({ cloud: "role" });
    for (const { metadata } of objects) expect(metadata.labels).toMatchObject({ team: "platform" });
    const pod = podOf(objects);
    expect(pod).toMatchObject({
      nodeSelector: { "kubernetes.io/os": "linux", role: "system" },
      tolerations: [{ tolerationSeconds: 5 }, { tolerationSeconds: 5 }, { key: "system" }],
      priorityClassName: "system-cluster-critical",
      imagePullSecrets: [{ name: "registry" }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [{ topologyKey: "rack" }],
    });
    const image = `registry.internal/wasmlet@sha256:${"0".repeat(64)}`;
    const [container] = pod.containers;
    expect(container).toMatchObject({ image, imagePullPolicy: "Never", resources: { limits: { memory: "1Gi" } } });
    expect(container?.args).toEqual([
      "operator",
      "--namespace=$(POD_NAMESPACE)",
      "--management-host=0.0.0.0",
      "--management-port=9465",
      "--runtime-image=$(IMAGE)",
      "--runtime-image-pull-policy=Never",
      "--runtime-image-pull-secret=registry",
      "--default-runtime-file=/etc/wasmlet/default-runtime.yaml",
      "--pod-monitors",
      "--pod-monitor-interval=15s",
      "--pod-monitor-label=release=prometheus",
      "--verbose",
    ]);
    expect(container?.env).toContainEqual({ name: "HTTPS_PROXY", value: "http://proxy" });
    const { data } = find(objects, "ConfigMap", "wasmlet-default-runtime") as unknown as {
      data: Record<string, string>;
    };
    expect(parse(data["default-runtime.yaml"] ?? "")).toMatchObject({
      kind: "WasmRuntime",
      metadata: { name: "default" },
      spec: {
        nodeSelector: { wasm: "true" },
        tolerations: [{ key: "wasm" }],
        ports: { first: 30_000, last: 30_999 },
        cells: 2,
        cacheSize: "1Gi",
      },
    });
  });

  test("benchmarks: the operator holds what it grants their accounts once they are on, and makes no Job before", async () => {
    const values = ["startupBenchmarks.enabled=true", 'startupBenchmarks.probeImage="probe:1"'];
    const [off, on] = [await render(major), await render(major, values)].map((objects) => ({
      rules: (find(objects, "ClusterRole", "wasmlet-operator") as unknown as { rules: PolicyRule[] }).rules,
      args: podOf(objects).containers[0]?.args ?? [],
    }));
    const metadata = { name: "first", namespace: "default", uid: "uid" };
    const benchmark = { ...STARTUP_BENCHMARKS, metadata } as unknown as StartupBenchmark;
    const granted = (buildRole(benchmark).rules ?? []) as PolicyRule[];
    expect(granted.length).toBeGreaterThan(4);
    for (const { apiGroups, resources, verbs } of granted) {
      for (const verb of verbs) {
        const isHeld = on!.rules.some(
          (rule) =>
            rule.apiGroups.includes(apiGroups[0]!) &&
            rule.resources.includes(resources[0]!) &&
            rule.verbs.includes(verb),
        );
        expect(isHeld, `${verb} ${resources[0]}`).toBe(true);
      }
    }
    expect(on!.args).toEqual(expect.arrayContaining(["--startup-benchmarks", "--startup-probe-image=probe:1"]));
    expect(off!.args).not.toContain("--startup-benchmarks");
    expect(off!.rules.flatMap(({ resources }) => resources)).not.toEqual(expect.arrayContaining(["jobs"]));
  });

  test("pod monitor: series keep the namespace of their app, and targets name their node", async () => {
    const objects = await render(major, ["monitoring.enabled=true"], "--api-versions", "monitoring.coreos.com/v1");
    const { spec } = find(objects, "PodMonitor", "wasmlet-operator");
    expect(spec).toMatchObject({
      podMetricsEndpoints: [
        {
          interval: "30s",
          honorLabels: true,
          relabelings: [{ sourceLabels: ["__meta_kubernetes_pod_node_name"], targetLabel: "node" }],
        },
      ],
    });
  });

  test("rules: are those of the generated file, without what is disabled", async () => {
    const api = ["--api-versions", "monitoring.coreos.com/v1"];
    const file = parse(readFileSync(`${CHART}/rules/wasmlet.yaml`, "utf8")) as { groups: { rules: Rule[] }[] };
    const all = find(await render(major, ["monitoring.enabled=true"], ...api), "PrometheusRule", "wasmlet");
    expect(all["spec"]).toEqual(file);
    const some = find(await render(major, ALL_VALUES, ...api), "PrometheusRule", "wasmlet");
    expect(some.metadata.labels).toMatchObject({ release: "prometheus" });
    const rulesOf = ({ spec }: ChartObject): Rule[] => (spec as typeof file).groups.flatMap(({ rules }) => rules);
    expect(rulesOf(some)).toEqual(rulesOf(all).filter(({ alert }) => alert !== "WasmletAppSlow"));
    const without = await render(major, ["monitoring.enabled=true", "monitoring.alerts.enabled=false"], ...api);
    for (const objects of [
      without,
      await render(major, ["monitoring.enabled=true"]),
      await render(major, [], ...api),
    ]) {
      expect(objects.map(({ kind }) => kind)).not.toContain("PrometheusRule");
    }
  });

  test("dashboards: are ConfigMaps that Grafana's sidecar finds, each with its file", async () => {
    const objects = await render(major, ["monitoring.dashboards.enabled=true"]);
    const files = readdirSync(`${CHART}/dashboards`);
    expect(files).toHaveLength(4);
    for (const file of files) {
      const { metadata, data } = find(objects, "ConfigMap", `${file.replace(".json", "")}-dashboard`);
      expect(metadata.labels).toMatchObject({ grafana_dashboard: "1" });
      expect(metadata.annotations).toBeUndefined();
      const text = (data as Record<string, string>)[file] ?? "";
      expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(`${CHART}/dashboards/${file}`, "utf8")));
    }
    const inFolder = find(await render(major, ALL_VALUES), "ConfigMap", "wasmlet-overview-dashboard");
    expect(inFolder.metadata.annotations).toEqual({ grafana_folder: "Wasmlet" });
  });

  test("values: without a default pool, the operator gets no file", async () => {
    const objects = await render(major, ["runtime.create=false"]);
    expect(objects.filter(({ metadata }) => metadata.name === "wasmlet-default-runtime")).toEqual([]);
    expect(podOf(objects).containers[0]?.args?.join(" ")).not.toContain("--default-runtime-file");
  });

  test("values: a change of the pool replaces the operator's pods", async () => {
    expect(await poolVersion(major)).toBe(await poolVersion(major, "operator.replicas=3"));
    expect(await poolVersion(major)).not.toBe(await poolVersion(major, "runtime.cells=2"));
  });

  test.each([
    ["a name that is not known", "runtime.cels=2", "cels"],
    ["a digest that is none", 'image.digest="latest"', "digest"],
    ["a port below the range", 'runtime.ports={"first":80}', "first"],
    ["no replica", "operator.replicas=0", "replicas"],
    ["an alert that there is not", 'monitoring.alerts.disabled=["WasmletAppSow"]', "disabled"],
  ])("values: %s is refused", async (_, value, name) => {
    await expect(render(major, [value])).rejects.toThrow(name);
  });
});
