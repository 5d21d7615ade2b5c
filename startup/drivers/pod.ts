import { readFileSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { PODS, type Pod } from "../../kube/resources.ts";
import type { Driver, Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { requireBinary } from "../program.ts";
import type { KubeSession } from "./kube-session.ts";
import { memoryTold } from "./told-memory.ts";

/*
 * A pod, from its creation through the API on: scheduled, given a sandbox and a network, started, told of, and asked at its own
 * address. With a RuntimeClass it may be a virtual machine.
 */

/** Where the program listens. */
const PORT = 8080;
const HOPELESS = /^(ErrImage|ImagePull|InvalidImage|CreateContainer)/;
/** RuntimeClasses that put a pod into a virtual machine have such names or handlers. */
const VIRTUAL = /kata|firecracker|cloud-hypervisor|qemu|(^|-)vm(-|$)/i;

/** The program as a container. */
export interface ContainerProgram {
  /** A node has it, or may pull it once. */
  image: string;
  command?: readonly string[];
  args?: readonly string[];
  port?: number;
  /** What is asked for. */
  path?: string;
  memory?: string | number;
  /** Whether it is one of somebody else's, which does not tell of itself as ours does. */
  isForeign?: boolean;
  /** Bytes of its image, as a registry has it; undefined where that is unknown. */
  imageBytes?: number | undefined;
}

/** Opens pods of the program on a cluster. */
export async function openPod(
  session: KubeSession,
  program: ContainerProgram,
  runtimeClass: string | undefined,
): Promise<Driver> {
  const binary = program.isForeign === true ? undefined : requireBinary();
  let count = 0;
  return {
    contender: {
      name: runtimeClass === undefined ? "pod" : `pod-${runtimeClass}`,
      technology: runtimeClass !== undefined && VIRTUAL.test(runtimeClass) ? "vm" : "container",
      runtime: runtimeClass ?? "kubelet",
      cache: "warm",
      accelerator: "none",
      what: `a pod created through the API, its image on the node${runtimeClass === undefined ? "" : `, RuntimeClass ${runtimeClass}`}`,
    },
    sizes: async () => {
      if (binary === undefined) return { pullBytes: program.imageBytes ?? null, diskBytes: null };
      return { pullBytes: gzipSync(readFileSync(binary)).length, diskBytes: statSync(binary).size };
    },
    start: (probe) => startPod(probe, session, buildPod(session, `pod-${count++}`, program, runtimeClass), program),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function startPod(probe: Probe, session: KubeSession, pod: Pod, program: ContainerProgram): Promise<Running> {
  const { name } = pod.metadata;
  const watch = await probe.begin();
  const created = await session.create(PODS, pod);
  watch.mark("create");
  try {
    let isScheduled = false;
    const fieldSelector = `metadata.name=${name}`;
    const seenPod = await session.until(PODS, { fieldSelector }, created.metadata.resourceVersion ?? "", (seen) => {
      if (!isScheduled && seen.spec?.nodeName !== undefined) {
        watch.mark("schedule");
        isScheduled = true;
      }
      const failure = failureOf(seen);
      if (failure !== undefined) throw failure;
      return seen.status?.podIP !== undefined;
    });
    watch.mark("kubelet");
    const url = `http://${hostOf(seenPod)}:${program.port ?? PORT}${program.path ?? "/"}`;
    const { answeredMs } = await session.unlessFailed(PODS, name, failureOf, (signal) => awaitAnswer(url, signal));
    watch.mark("response", answeredMs);
    const stop = (): Promise<void> => session.remove(PODS, name);
    const memoryBytes = async (): Promise<number | null> => (program.isForeign === true ? null : memoryTold(url));
    return { url, phases: watch.phases, memoryBytes, cpuSeconds: async () => null, stop };
  } catch (thrown) {
    await session.remove(PODS, name);
    throw thrown;
  }
}

/** Returns what keeps a pod from ever answering: an image that is not there, a program that ends. */
function failureOf({ status }: Pod): Error | undefined {
  const { waiting, terminated } = status?.containerStatuses?.[0]?.state ?? {};
  if (terminated !== undefined) {
    const how = `${terminated.reason ?? "Ended"}, exit code ${terminated.exitCode}`;
    return new Error(`the pod ended: ${how} ${terminated.message ?? ""}`.trim());
  }
  if (waiting?.reason === undefined || !HOPELESS.test(waiting.reason)) return undefined;
  return new Error(`the pod does not start: ${waiting.reason} ${waiting.message ?? ""}`);
}

function hostOf({ status }: Pod): string {
  const { podIP = "" } = status ?? {};
  return podIP.includes(":") ? `[${podIP}]` : podIP;
}

function buildPod(session: KubeSession, name: string, program: ContainerProgram, runtimeClassName?: string): Pod {
  const { image, command = [], args = [], port = PORT, memory = "256Mi" } = program;
  const securityContext = {
    runAsNonRoot: true,
    runAsUser: 65_532,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: session.metadataOf(name),
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      nodeSelector: session.nodeSelector,
      ...(runtimeClassName !== undefined && { runtimeClassName }),
      containers: [
        {
          name: "program",
          image,
          imagePullPolicy: "IfNotPresent",
          ...(command.length > 0 && { command: [...command] }),
          ...(args.length > 0 && { args: [...args] }),
          ports: [{ containerPort: port }],
          // What is started cannot hurt the node, nor does it wait for room that it does not need.
          resources: { requests: { cpu: "50m", memory: "32Mi" }, limits: { memory: String(memory) } },
          securityContext,
        },
      ],
    },
  };
}
