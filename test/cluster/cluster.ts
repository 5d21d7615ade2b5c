import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { HOST_ADDRESS, NODES } from "./addresses.ts";
import { binaryPath } from "./binaries.ts";
import type { Progress } from "./build.ts";
import { corefile, dnsObjects } from "./component-config.ts";
import { ClusterHandle, type Cluster } from "./cluster-handle.ts";
import {
  askApi,
  findPorts,
  startApiServer,
  startControllerManager,
  startEtcd,
  startScheduler,
  writeKubeconfig,
} from "./control-plane.ts";
import { makeCertificates } from "./certificates.ts";
import { takeDown } from "./down.ts";
import { ClusterError } from "./errors.ts";
import { busyboxImage, pauseImage } from "./images.ts";
import { makeBridge, needFreeAddresses, readSysctls } from "./network.ts";
import { startDaemon, waitFor, type Daemon } from "./processes.ts";
import { needLevel, type ClusterLevel } from "./requirements.ts";
import {
  fullClusterFolder,
  isForsaken,
  makeClusterFolder,
  processId,
  readState,
  recordedClusters,
  writeState,
  type ClusterState,
  type ProcessId,
} from "./state.ts";

/** How to start a cluster. */
export interface ClusterOptions {
  /** `control-plane`: the API alone, without nodes, for any user, several beside each other. `full`: two nodes, once per machine. */
  level: ClusterLevel;
  /** Whether a control plane alone has the controller manager too: service accounts, garbage collection, namespaces that go. */
  controllerManager?: boolean;
  /** More flags of the API server. */
  apiServerArgs?: readonly string[];
  /** The process whose end is the cluster's end; this one unless given, none for `null`. */
  owner?: ProcessId | null;
  progress?: Progress;
}

/**
 * Starts a cluster and resolves when it is of use: all nodes Ready, images of tests loaded, names resolved. What its owner
 * leaves is taken down by the next one. Throws CLUSTER_NOT_POSSIBLE, CLUSTER_NOT_BUILT, CLUSTER_ALREADY_UP,
 * CLUSTER_ADDRESS_TAKEN, and CLUSTER_DAEMON_ENDED or CLUSTER_TIMEOUT, after which nothing is left.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { level, owner = processId() } = options;
  needLevel(level);
  await takeDownForsaken();
  const ports = await findPorts();
  const folder = makeClusterFolder(level);
  try {
    const state: ClusterState = {
      level,
      // While it starts it has an owner in any case.
      owner: owner ?? processId(),
      isReady: false,
      ports,
      server: `https://127.0.0.1:${ports.api}`,
      daemons: {},
      sysctls: level === "full" ? readSysctls() : {},
    };
    writeState(folder, state);
    await start(new Startup(folder, state), options);
    writeState(folder, { ...state, owner: owner ?? undefined, isReady: true });
  } catch (thrown) {
    await takeDown(folder);
    throw thrown;
  }
  return new ClusterHandle(folder, () => takeDown(folder));
}

/** Returns a cluster that another process started; to dispose of it does nothing. Throws CLUSTER_NOT_UP. */
export function attachCluster(folder = fullClusterFolder()): Cluster {
  if (readState(folder)?.isReady === true) return new ClusterHandle(folder, async () => {});
  throw new ClusterError("CLUSTER_NOT_UP", `no cluster is up in ${folder}`, "Run `npm run cluster -- up`.");
}

/** Takes down every cluster whose owner ended without doing so. */
export async function takeDownForsaken(): Promise<void> {
  for (const cluster of recordedClusters()) if (isForsaken(cluster)) await takeDown(cluster.folder);
}

/** A cluster that starts: what is recorded, and what must not end meanwhile. */
class Startup {
  readonly folder: string;
  readonly state: ClusterState;
  readonly daemons: Daemon[] = [];

  constructor(folder: string, state: ClusterState) {
    this.folder = folder;
    this.state = state;
  }

  note(daemon: Daemon): Daemon {
    this.daemons.push(daemon);
    this.state.daemons[daemon.name] = daemon.pid;
    writeState(this.folder, this.state);
    return daemon;
  }

  waitFor(what: string, isThere: () => Promise<boolean>): Promise<void> {
    return waitFor(what, isThere, { daemons: this.daemons, timeoutMs: 90_000 });
  }
}

async function start(startup: Startup, options: ClusterOptions): Promise<void> {
  const { level, progress = () => {} } = options;
  if (level === "control-plane") return startControlPlane(startup, options);
  await needFreeAddresses();
  await makeBridge();
  progress("starting the control plane and two nodes");
  const handle = new ClusterHandle(startup.folder, async () => {});
  const [images] = await Promise.all([
    Promise.all([pauseImage(), busyboxImage()]),
    startControlPlane(startup, { ...options, controllerManager: true }),
    ...NODES.map(async (plan) => {
      for (const daemon of await handle.startMachine(plan)) startup.note(daemon);
    }),
  ]);
  // The sandbox's image must be there before the first pod.
  for (const image of images) await handle.loadImage(image);
  progress("waiting for the nodes");
  startup.note(startScheduler(startup.folder));
  for (const plan of NODES) for (const daemon of handle.startAgents(plan)) startup.note(daemon);
  startup.note(startDns(startup.folder));
  await handle.kubectl(["apply", "-f", "-"], {
    input: dnsObjects()
      .map((object) => JSON.stringify(object))
      .join("\n---\n"),
  });
  await Promise.all([
    startup.waitFor("nodes that are Ready", () => areNodesReady(startup)),
    startup.waitFor("CoreDNS", () => isWell(`http://${HOST_ADDRESS}:8153/ready`)),
    ...NODES.map(({ name, address }) =>
      startup.waitFor(`kube-proxy of ${name}`, () => isWell(`http://${address}:10256/healthz`)),
    ),
  ]);
}

async function startControlPlane(startup: Startup, options: ClusterOptions): Promise<void> {
  const { folder, state } = startup;
  const { level, controllerManager = false, apiServerArgs = [] } = options;
  startup.note(startEtcd(folder, state.ports));
  await makeCertificates(folder);
  for (const user of level === "full" ? ["admin", "kube-proxy"] : ["admin"])
    writeKubeconfig(folder, state.server, user);
  writeFileSync(join(folder, "api-server-args.json"), JSON.stringify(apiServerArgs));
  startup.note(await startApiServer(folder, level, state.ports, apiServerArgs));
  if (!controllerManager) return;
  startup.note(startControllerManager(folder));
  const path = "/api/v1/namespaces/default/serviceaccounts/default";
  await startup.waitFor(
    "the service account of pods",
    async () => (await askApi(folder, state.ports, path)).status === 200,
  );
}

function startDns(folder: string): Daemon {
  const file = join(folder, "Corefile");
  writeFileSync(file, corefile(folder));
  return startDaemon(folder, "coredns", binaryPath("coredns"), ["-conf", file]);
}

async function isWell(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function areNodesReady({ folder, state }: Startup): Promise<boolean> {
  const { status, body } = await askApi(folder, state.ports, "/api/v1/nodes");
  if (status !== 200) return false;
  const { items } = JSON.parse(body) as { items: NodeObject[] };
  const ready = items.filter(({ status }) =>
    status.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
  );
  return ready.length === NODES.length;
}

interface NodeObject {
  status: { conditions?: { type: string; status: string }[] };
}
