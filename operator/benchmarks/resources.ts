import { createHash } from "node:crypto";
import { controllerReference, type ObjectMeta } from "../../kube/objects.ts";
import type { CronJob, Job, Role, RoleBinding, ServiceAccount } from "../../kube/resources.ts";
import { MANAGED_BY, type StartupBenchmark } from "../objects.ts";

/*
 * What a benchmark has: an account that may start and remove what is compared, in the benchmark's namespace alone, and a Job, or
 * a CronJob, whose pod measures. Kubernetes keeps the times, the deadline and the end of it.
 */

/** The label of everything that a benchmark makes. */
export const BENCHMARK_LABEL = "wasmlet.dev/startup-benchmark";
/** What an object was last made from: a Job cannot be changed, and the API server adds defaults. */
export const APPLIED = "wasmlet.dev/applied";
/** The node that a Job measures. */
export const NODE_NAME = "wasmlet.dev/node-name";

const USER = 65_532;
/** What a run left is gone so long after it ended. */
const TTL_SECONDS = 10;
/** A run that could not begin for so long is left out. */
const STARTING_DEADLINE_SECONDS = 300;

/** How the pods are made that measure. */
export interface ProbeSettings {
  /** The image of Wasmlet, which has the native program in it. */
  image: string;
  /** The image of the pods that measure. */
  probeImage: string;
  imagePullPolicy: string | undefined;
}

/** The node on which all is started. */
export interface BenchmarkNode {
  name: string;
  /** Its label `kubernetes.io/hostname`. */
  hostname: string;
  /** Bytes of images that it has, by their names. */
  imageBytes: (image: string) => number | undefined;
}

type JobSpec = NonNullable<Job["spec"]>;

/** Returns the name of what a benchmark has: nobody else's object has the benchmark's uid in its name. A CronJob's has 52 characters at most. */
function benchmarkObjectName({ metadata: { name, uid = "" } }: StartupBenchmark): string {
  return `${name}-startup-${createHash("sha256").update(uid).digest("hex").slice(0, 5)}`;
}

/** Returns the name of the Job that runs the spec as it is. */
export function jobName(benchmark: StartupBenchmark): string {
  return `${benchmarkObjectName(benchmark)}-${benchmark.metadata.generation ?? 0}`;
}

/** Returns the account of the pods that measure. */
export function buildAccount(benchmark: StartupBenchmark): ServiceAccount {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadataOf(benchmark),
    automountServiceAccountToken: false,
  };
}

/** Returns what they may do: start, watch and remove what is compared, and tell what they found. */
export function buildRole(benchmark: StartupBenchmark): Role {
  const { name } = benchmark.metadata;
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: metadataOf(benchmark),
    rules: [
      { apiGroups: ["wasmlet.dev"], resources: ["startupbenchmarks"], resourceNames: [name], verbs: ["get"] },
      { apiGroups: ["wasmlet.dev"], resources: ["startupbenchmarks/status"], resourceNames: [name], verbs: ["patch"] },
      { apiGroups: ["wasmlet.dev"], resources: ["wasmapps"], verbs: ["get", "create", "delete"] },
      { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch", "create", "delete"] },
      { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "create", "delete"] },
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list", "watch"] },
    ],
  };
}

/** Returns what gives that to the account. */
export function buildRoleBinding(benchmark: StartupBenchmark): RoleBinding {
  const name = benchmarkObjectName(benchmark);
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: metadataOf(benchmark),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
    subjects: [{ kind: "ServiceAccount", name, namespace: benchmark.metadata.namespace ?? "" }],
  };
}

/** Returns the Job that runs the benchmark once. */
export function buildJob(benchmark: StartupBenchmark, node: BenchmarkNode, settings: ProbeSettings): Job {
  const spec = buildJobSpec(benchmark, node, settings);
  const metadata = { ...metadataOf(benchmark, jobName(benchmark)), annotations: { [NODE_NAME]: node.name } };
  return { apiVersion: "batch/v1", kind: "Job", metadata, spec };
}

/** Returns the CronJob that runs it again and again; its schedule must be there. */
export function buildCronJob(benchmark: StartupBenchmark, node: BenchmarkNode, settings: ProbeSettings): CronJob {
  const { schedule = "", timeZone, suspend } = benchmark.spec;
  const labels = labelsOf(benchmark);
  const spec = {
    schedule,
    timeZone,
    suspend,
    concurrencyPolicy: "Forbid",
    startingDeadlineSeconds: STARTING_DEADLINE_SECONDS,
    jobTemplate: {
      metadata: { labels, annotations: { [NODE_NAME]: node.name } },
      spec: buildJobSpec(benchmark, node, settings),
    },
  };
  const applied = createHash("sha256").update(JSON.stringify(spec)).digest("hex").slice(0, 16);
  const metadata = { ...metadataOf(benchmark), annotations: { [APPLIED]: applied } };
  return { apiVersion: "batch/v1", kind: "CronJob", metadata, spec };
}

function buildJobSpec(benchmark: StartupBenchmark, node: BenchmarkNode, settings: ProbeSettings): JobSpec {
  return {
    // A run that failed is not tried again: half of its samples would be from another time.
    backoffLimit: 0,
    activeDeadlineSeconds: benchmark.spec.activeDeadlineSeconds,
    ttlSecondsAfterFinished: TTL_SECONDS,
    template: { metadata: { labels: labelsOf(benchmark) }, spec: buildPodSpec(benchmark, node, settings) },
  };
}

function buildPodSpec(
  benchmark: StartupBenchmark,
  { hostname, imageBytes }: BenchmarkNode,
  { image, probeImage, imagePullPolicy }: ProbeSettings,
): NonNullable<JobSpec["template"]["spec"]> {
  const { container } = benchmark.spec;
  const bytes = container === undefined ? undefined : imageBytes(container.image);
  return {
    restartPolicy: "Never",
    serviceAccountName: benchmarkObjectName(benchmark),
    automountServiceAccountToken: true,
    enableServiceLinks: false,
    nodeSelector: { "kubernetes.io/hostname": hostname },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: "probe",
        image: probeImage,
        ...(imagePullPolicy !== undefined && { imagePullPolicy }),
        args: [
          "startup-probe",
          `--benchmark=${benchmark.metadata.name}`,
          `--hostname=${hostname}`,
          `--image=${image}`,
          "--pod-uid=$(POD_UID)",
          ...(bytes === undefined ? [] : [`--image-bytes=${bytes}`]),
        ],
        env: [
          fieldVariable("POD_NAME", "metadata.name"),
          fieldVariable("POD_NAMESPACE", "metadata.namespace"),
          fieldVariable("POD_UID", "metadata.uid"),
          { name: "HOME", value: "/tmp" },
        ],
        // One start at a time, and bounds for all that is started in the probe itself: the node's apps go on.
        resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { cpu: "2", memory: "1Gi" } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
      },
    ],
    volumes: [{ name: "tmp", emptyDir: { sizeLimit: "1Gi" } }],
  };
}

function fieldVariable(name: string, fieldPath: string): { name: string; valueFrom: object } {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

function labelsOf({ metadata }: StartupBenchmark): Record<string, string> {
  return { "app.kubernetes.io/managed-by": MANAGED_BY, [BENCHMARK_LABEL]: metadata.name };
}

function metadataOf(benchmark: StartupBenchmark, name = benchmarkObjectName(benchmark)): ObjectMeta {
  const { namespace } = benchmark.metadata;
  return {
    ...(namespace !== undefined && { namespace }),
    name,
    labels: labelsOf(benchmark),
    ownerReferences: [controllerReference(benchmark)],
  };
}
