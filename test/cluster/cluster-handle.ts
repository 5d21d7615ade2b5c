import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NODES, type NodePlan } from "./addresses.ts";
import { binaryPath } from "./binaries.ts";
import { startApiServer } from "./control-plane.ts";
import { ClusterError } from "./errors.ts";
import {
  AGENTS,
  containerdSocket,
  daemonName,
  firstProcess,
  runOn,
  startContainerdOn,
  startKubelet,
  startKubeProxy,
  startMachine,
} from "./node.ts";
import { endProcess, run, type Daemon, type Output, type RunOptions } from "./processes.ts";
import type { ClusterLevel } from "./requirements.ts";
import { readState, writeState, type ClusterState } from "./state.ts";

/** A cluster for tests. To dispose of one that was started takes it down. */
export interface Cluster extends AsyncDisposable {
  readonly level: ClusterLevel | "foreign";
  /** With everything of it, logs/ among it; undefined where it was started elsewhere. */
  readonly folder: string | undefined;
  /** The path of the admin's kubeconfig. */
  readonly kubeconfig: string;
  /** The URL of the API server, for this machine. */
  readonly server: string;
  /** The paths of the admin's certificate and key, and of the CA; undefined where it was started elsewhere. */
  readonly admin: { ca: string; certificate: string; key: string } | undefined;
  /** None at the level of the control plane. */
  readonly nodes: readonly ClusterNode[];
  /** Runs kubectl and returns what it prints. Throws CLUSTER_COMMAND_FAILED. */
  kubectl(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Runs Helm, of major version 4 unless 3 is asked for, and returns what it prints. Throws CLUSTER_COMMAND_FAILED. */
  helm(args: readonly string[], options?: RunOptions & { major?: 3 | 4 }): Promise<string>;
  /** Gives every node an image, of `buildImageTar`; pods name it with `imagePullPolicy: Never`. */
  loadImage(tar: Uint8Array): Promise<void>;
  /** Ends a node's kubelet, containerd and kube-proxy, while its pods run on; or all of it at once, as a power cut does. */
  stopNode(name: string, options?: { powerOff?: boolean }): Promise<void>;
  /** Starts what `stopNode` ended; a node that was off boots. The kubelet reports Ready a few seconds later. */
  startNode(name: string): Promise<void>;
  /** Ends the API server; etcd keeps its data. */
  stopApiServer(): Promise<void>;
  /** Starts the API server again, on the same port, and resolves once it is ready. */
  startApiServer(): Promise<void>;
}

/** A node of a full cluster. */
export interface ClusterNode {
  readonly name: string;
  /** The node's address, as pods and this machine reach it. */
  readonly address: string;
  readonly podRange: string;
  /** The path of its network namespace; throws while the node is off. */
  readonly netns: string;
  /** The socket of its containerd, for this machine. */
  readonly containerdSocket: string;
  /** Runs a command on it, as root, with its own /etc, /run, /var/lib and /opt. Throws CLUSTER_COMMAND_FAILED. */
  run(command: readonly string[], options?: RunOptions): Promise<Output>;
}

/** A cluster that was started on this machine, by this process or another: all that it knows is what is recorded. */
export class ClusterHandle implements Cluster {
  readonly folder: string;
  readonly nodes: readonly ClusterNode[];
  readonly #dispose: () => Promise<void>;

  constructor(folder: string, dispose: () => Promise<void>) {
    this.folder = folder;
    this.#dispose = dispose;
    const machine = (name: string): number => this.#pid(daemonName(name, "machine"));
    this.nodes = (this.level === "full" ? NODES : []).map(({ name, address, podRange }) => ({
      name,
      address,
      podRange,
      get netns() {
        return `/proc/${firstProcess(machine(name))}/ns/net`;
      },
      containerdSocket: containerdSocket(folder, name),
      run: async (command, options) => runOn(machine(name), command, options),
    }));
  }

  get level(): ClusterLevel {
    return this.#state.level;
  }

  get server(): string {
    return this.#state.server;
  }

  get kubeconfig(): string {
    return join(this.folder, "admin.kubeconfig");
  }

  get admin(): { ca: string; certificate: string; key: string } {
    const pki = join(this.folder, "pki");
    return { ca: join(pki, "ca.pem"), certificate: join(pki, "admin.pem"), key: join(pki, "admin.key") };
  }

  async kubectl(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return runClient("kubectl", this.kubeconfig, args, options);
  }

  async helm(args: readonly string[], { major = 4, ...options }: RunOptions & { major?: 3 | 4 } = {}): Promise<string> {
    return runClient(major === 3 ? "helm3" : "helm", this.kubeconfig, args, options);
  }

  async loadImage(tar: Uint8Array): Promise<void> {
    const file = join(this.folder, `${randomUUID()}.tar`);
    writeFileSync(file, tar);
    const importing = ["ctr", "--namespace", "k8s.io", "images", "import", file];
    await Promise.all(this.nodes.map((node) => node.run(importing))).finally(() => rmSync(file));
  }

  async stopNode(name: string, { powerOff = false }: { powerOff?: boolean } = {}): Promise<void> {
    const { name: node } = planOf(name);
    for (const agent of AGENTS.toReversed()) await endProcess(this.#pid(daemonName(node, agent)));
    if (powerOff) await endProcess(this.#pid(daemonName(node, "machine")));
    this.#note(AGENTS.map((agent) => ({ name: daemonName(node, agent), pid: -1 })));
    if (powerOff) this.#note([{ name: daemonName(node, "machine"), pid: -1 }]);
  }

  async startNode(name: string): Promise<void> {
    const plan = planOf(name);
    this.#note(await this.startMachine(plan));
    this.#note(this.startAgents(plan));
  }

  async stopApiServer(): Promise<void> {
    await endProcess(this.#pid("kube-apiserver"));
  }

  async startApiServer(): Promise<void> {
    const { level, ports } = this.#state;
    const args = JSON.parse(readFileSync(join(this.folder, "api-server-args.json"), "utf8")) as string[];
    this.#note([await startApiServer(this.folder, level, ports, args)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose();
  }

  /** Boots a node, unless it is on, and starts containerd; for the start of a cluster. */
  async startMachine(plan: NodePlan): Promise<Daemon[]> {
    const pid = this.#state.daemons[daemonName(plan.name, "machine")] ?? -1;
    if (pid !== -1) return [await startContainerdOn(this.folder, plan, pid)];
    const machine = await startMachine(this.folder, plan);
    return [machine, await startContainerdOn(this.folder, plan, machine.pid)];
  }

  /** Starts a node's other agents; for the start of a cluster. */
  startAgents(plan: NodePlan): Daemon[] {
    const machine = this.#pid(daemonName(plan.name, "machine"));
    // Nodes reach the API where it is announced.
    const server = this.server.replace("127.0.0.1", NODES[0]!.address);
    return [startKubelet(this.folder, plan, machine, server), startKubeProxy(this.folder, plan, machine, server)];
  }

  get #state(): ClusterState {
    const state = readState(this.folder);
    if (state !== undefined) return state;
    throw new ClusterError("CLUSTER_NOT_UP", `no cluster is up in ${this.folder}`, "Run `npm run cluster -- up`.");
  }

  #pid(name: string): number {
    const pid = this.#state.daemons[name] ?? -1;
    if (pid !== -1) return pid;
    throw new ClusterError("CLUSTER_NOT_UP", `${name} is not running`, "Start its node first.");
  }

  #note(daemons: readonly { name: string; pid: number }[]): void {
    const state = this.#state;
    for (const { name, pid } of daemons) state.daemons[name] = pid;
    writeState(this.folder, state);
  }
}

/** Runs kubectl or Helm with a cluster's kubeconfig, and nothing of the user's own; returns what it prints. */
export async function runClient(
  program: "kubectl" | "helm" | "helm3",
  kubeconfig: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const env = { ...process.env, KUBECONFIG: kubeconfig, ...options.env };
  return (await run(binaryPath(program), args, { ...options, env })).stdout;
}

function planOf(name: string): NodePlan {
  const plan = NODES.find((known) => known.name === name);
  if (plan !== undefined) return plan;
  throw new ClusterError(
    "CLUSTER_NOT_UP",
    `there is no node ${name}`,
    `Nodes: ${NODES.map(({ name }) => name).join(", ")}.`,
  );
}
