import { createHash } from "node:crypto";
import type { DaemonSet } from "../../kube/resources.ts";
import type { WasmRuntime } from "../objects.ts";
import { MANAGEMENT_PORT, metadataOf, runtimeLabels, runtimeObjectName, type PodSettings } from "./resources.ts";

/*
 * The pods of a pool: one per node, without privileges and without anything of the node. A new pod starts beside the old one
 * and takes over its apps; the old one serves on in its pause before the end, while endpoints move.
 */

const USER = 65_532;
/** How long a pod that ends serves on: until everybody knows that its endpoints are gone. */
const PRE_STOP_SECONDS = 8;
const CACHE = "/var/cache/wasmlet";
const SECRETS = "/run/wasmlet/secrets";
const VOLUMES = "/var/lib/wasmlet/volumes";
const CONFIG = "/etc/wasmlet";
/**
 * Which spec a DaemonSet was last given. The API server adds defaults, so what is no longer asked for, as a selector of nodes,
 * could not be told from them.
 */
const ANNOTATION_APPLIED = "wasmlet.dev/applied";
/** What a Secret has at most is 1 MiB; these are those of all apps of a node. */
const SECRETS_SIZE = "256Mi";

type PodSpec = NonNullable<NonNullable<DaemonSet["spec"]>["template"]["spec"]>;
type Container = PodSpec["containers"][number];
type Volume = NonNullable<PodSpec["volumes"]>[number];
type Mount = NonNullable<Container["volumeMounts"]>[number];

/** Returns the DaemonSet of a pool. */
export function buildDaemonSet(runtime: WasmRuntime, settings: PodSettings): DaemonSet {
  const selector = { "wasmlet.dev/runtime": runtime.metadata.name, "app.kubernetes.io/component": "runtime" };
  const spec = {
    selector: { matchLabels: selector },
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: {
      metadata: {
        labels: runtimeLabels(runtime),
        annotations: { "kubectl.kubernetes.io/default-container": "runtime" },
      },
      spec: buildPodSpec(runtime, settings),
    },
  };
  const applied = createHash("sha256").update(JSON.stringify(spec)).digest("hex").slice(0, 16);
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { ...metadataOf(runtime, settings.namespace), annotations: { [ANNOTATION_APPLIED]: applied } },
    spec,
  };
}

function buildPodSpec(runtime: WasmRuntime, { imagePullSecrets, ...settings }: PodSettings): PodSpec {
  const { spec } = runtime;
  return {
    serviceAccountName: runtimeObjectName(runtime),
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds + PRE_STOP_SECONDS,
    // Services of the namespace in the environment would reach no guest, and make the pod's environment grow with it.
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      seccompProfile: { type: "RuntimeDefault" },
    },
    ...(spec.nodeSelector !== undefined && { nodeSelector: spec.nodeSelector }),
    ...(spec.tolerations.length > 0 && { tolerations: spec.tolerations }),
    ...(spec.priorityClassName !== undefined && { priorityClassName: spec.priorityClassName }),
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    containers: [buildContainer(runtime, settings)],
    volumes: [
      { name: "cache", emptyDir: {} },
      { name: "volumes", emptyDir: {} },
      { name: "tmp", emptyDir: {} },
      { name: "secrets", emptyDir: { medium: "Memory", sizeLimit: SECRETS_SIZE } },
      ...configVolumes(runtime),
    ],
  };
}

function buildContainer(
  runtime: WasmRuntime,
  { image, imagePullPolicy }: Pick<PodSettings, "image" | "imagePullPolicy">,
): Container {
  const { spec } = runtime;
  return {
    name: "runtime",
    image: spec.image ?? image,
    ...(imagePullPolicy !== undefined && { imagePullPolicy }),
    args: argumentsOf(runtime),
    env: [
      fieldVariable("NODE_NAME", "spec.nodeName"),
      fieldVariable("POD_NAME", "metadata.name"),
      fieldVariable("POD_NAMESPACE", "metadata.namespace"),
      fieldVariable("POD_IP", "status.podIP"),
      { name: "WASMLET_CACHE_SIZE", value: String(spec.cacheSize) },
    ],
    ports: [{ name: "management", containerPort: MANAGEMENT_PORT, protocol: "TCP" }],
    ...(Object.keys(spec.resources).length > 0 && { resources: spec.resources }),
    startupProbe: { ...probe("/healthz"), periodSeconds: 1, failureThreshold: 120 },
    readinessProbe: { ...probe("/readyz"), periodSeconds: 2, timeoutSeconds: 5 },
    livenessProbe: { ...probe("/healthz"), periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 6 },
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "cache", mountPath: CACHE },
      { name: "volumes", mountPath: VOLUMES },
      { name: "tmp", mountPath: "/tmp" },
      { name: "secrets", mountPath: SECRETS },
      ...configMounts(runtime),
    ],
  };
}

function probe(path: string): { httpGet: { path: string; port: string } } {
  return { httpGet: { path, port: "management" } };
}

function argumentsOf({ metadata, spec }: WasmRuntime): string[] {
  const { registryCA, artifactPolicy, plainHttpRegistries, cells, terminationGracePeriodSeconds: grace } = spec;
  return [
    "node",
    "--runtime-name",
    metadata.name,
    "--cache-dir",
    CACHE,
    "--volumes-dir",
    VOLUMES,
    "--secrets-dir",
    SECRETS,
    "--cells",
    String(cells),
    ...(spec.sharedCells === true ? ["--shared-cells"] : []),
    "--grace",
    `${grace}s`,
    ...plainHttpRegistries.flatMap((registry) => ["--plain-http", registry]),
    ...(registryCA === undefined ? [] : ["--registry-ca", `${CONFIG}/registry-ca/ca.crt`]),
    ...(artifactPolicy === undefined ? [] : ["--policy", `${CONFIG}/artifact-policy/policy.yaml`]),
  ];
}

function configVolumes({ spec: { registryCA, artifactPolicy } }: WasmRuntime): Volume[] {
  const volumes: Volume[] = [];
  if (registryCA !== undefined) {
    const items = [{ key: registryCA.key, path: "ca.crt" }];
    volumes.push({ name: "registry-ca", configMap: { name: registryCA.name, items } });
  }
  if (artifactPolicy !== undefined) {
    const items = [{ key: artifactPolicy.key, path: "policy.yaml" }];
    volumes.push({ name: "artifact-policy", configMap: { name: artifactPolicy.name, items } });
  }
  return volumes;
}

function configMounts({ spec: { registryCA, artifactPolicy } }: WasmRuntime): Mount[] {
  return [
    ...(registryCA === undefined ? [] : [{ name: "registry-ca", mountPath: `${CONFIG}/registry-ca`, readOnly: true }]),
    ...(artifactPolicy === undefined
      ? []
      : [{ name: "artifact-policy", mountPath: `${CONFIG}/artifact-policy`, readOnly: true }]),
  ];
}

function fieldVariable(name: string, fieldPath: string): NonNullable<Container["env"]>[number] {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
