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

const PORT = 8080;
/** RuntimeClasses that put a pod into a virtual machine have such names or handlers. */
const VIRTUAL = /kata|firecracker|cloud-hypervisor|qemu|(^|-)vm(-|$)/i;

export interface PodOptions {
  /** The image of the program; a node has it, or may pull it once. */
  image: string;
  runtimeClass?: string;
}

/** Opens pods of the program on a cluster. */
export async function openPod(session: KubeSession, { image, runtimeClass }: PodOptions): Promise<Driver> {
  const binary = requireBinary();
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
    sizes: async () => ({ pullBytes: gzipSync(readFileSync(binary)).length, diskBytes: statSync(binary).size }),
    start: (probe) => startPod(probe, session, buildPod(session, `pod-${count++}`, image, runtimeClass)),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function startPod(probe: Probe, session: KubeSession, pod: Pod): Promise<Running> {
  const { name } = pod.metadata;
  const watch = await probe.begin();
  const created = await session.client.create(PODS, pod);
  watch.mark("create");
  try {
    let isScheduled = false;
    const fieldSelector = `metadata.name=${name}`;
    const { status } = await session.until(PODS, { fieldSelector }, created.metadata.resourceVersion ?? "", (seen) => {
      if (!isScheduled && seen.spec?.nodeName !== undefined) {
        watch.mark("schedule");
        isScheduled = true;
      }
      failIfHopeless(seen);
      return seen.status?.podIP !== undefined;
    });
    watch.mark("kubelet");
    const url = `http://${status?.podIP}:${PORT}/`;
    const { answeredMs } = await awaitAnswer(url, session.signal);
    watch.mark("response", answeredMs);
    const stop = (): Promise<void> => session.remove(PODS, name);
    return { url, phases: watch.phases, memoryBytes: () => memoryTold(url), cpuSeconds: async () => null, stop };
  } catch (thrown) {
    await session.remove(PODS, name);
    throw thrown;
  }
}

/** Throws what keeps a pod from ever starting: an image that is not there, a RuntimeClass that nobody handles. */
function failIfHopeless({ status }: Pod): void {
  const waiting = status?.containerStatuses?.[0]?.state?.waiting;
  if (waiting?.reason === undefined || !/^(ErrImage|ImagePull|InvalidImage|CreateContainer)/.test(waiting.reason))
    return;
  throw new Error(`the pod does not start: ${waiting.reason} ${waiting.message ?? ""}`);
}

function buildPod(session: KubeSession, name: string, image: string, runtimeClassName?: string): Pod {
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
        { name: "program", image, imagePullPolicy: "IfNotPresent", ports: [{ containerPort: PORT }], securityContext },
      ],
    },
  };
}
