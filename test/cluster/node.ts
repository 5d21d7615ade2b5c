import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { childrenOf } from "../served-runtime.ts";
import { cgroupOf, type NodePlan } from "./addresses.ts";
import { binFolder } from "./binaries.ts";
import { makeCgroup } from "./cgroups.ts";
import {
  cniConfig,
  containerdConfig,
  kubeletArgs,
  kubeletConfig,
  kubeProxyConfig,
  NODE_BIN,
} from "./component-config.ts";
import { writeKubeconfig } from "./control-plane.ts";
import { plugIn } from "./network.ts";
import { run, startDaemon, waitFor, type Daemon, type Output, type RunOptions } from "./processes.ts";

/*
 * A node is a process, `pause`, as the first of its own PID, mount, UTS and, but for the first node, network namespace: when it
 * dies, so does everything on the node, and all mounts go. On the node /run, /var/lib, /var/log and /opt are folders of the
 * node's own and /etc is the machine's with changes of its own, so containerd, the kubelet and pods find what they know in the
 * usual places, and nothing of this machine changes.
 *
 *   NODE/run, var-lib, var-log, opt, etc-changes    what the node sees as /run, /var/lib, …
 *   NODE/kubelet.yaml, …                            configuration
 */

const OWN_FOLDERS = { run: "/run", "var-lib": "/var/lib", "var-log": "/var/log", opt: "/opt" };
const SEARCH_PATH = `${NODE_BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** The daemons of a node, in the order in which they start. */
export const AGENTS = ["containerd", "kubelet", "kube-proxy"] as const;

/** The daemon of a node that does one of the jobs, as it is named in the state. */
export function daemonName(node: string, job: "machine" | (typeof AGENTS)[number]): string {
  return `${node}-${job}`;
}

/** Boots a node without its agents: namespaces, mounts, cgroups, the cable. */
export async function startMachine(folder: string, plan: NodePlan): Promise<Daemon> {
  const node = join(folder, plan.name);
  // As on a real machine, nothing in /run outlives it.
  rmSync(join(node, "run"), { recursive: true, force: true });
  for (const name of [...Object.keys(OWN_FOLDERS), "opt/bin", "etc-changes", "etc-work", "run/lock"]) {
    mkdirSync(join(node, name), { recursive: true });
  }
  makeCgroup(cgroupOf(plan.name));
  writeFileSync(join(node, "boot.sh"), bootScript(node, plan.name));
  const own = ["--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child", "--uts"];
  if (plan.cable !== undefined) own.push("--net");
  const name = daemonName(plan.name, "machine");
  const machine = startDaemon(folder, name, "unshare", [...own, "sh", "-e", join(node, "boot.sh")]);
  await waitFor(plan.name, () => existsSync(join(node, "run", "booted")), { daemons: [machine] });
  await plugIn(plan, firstProcess(machine.pid));
  return machine;
}

/** Starts containerd on a node, and resolves once it listens. */
export async function startContainerdOn(folder: string, { name }: NodePlan, machine: number): Promise<Daemon> {
  writeOnNode(machine, "/etc/containerd/config.toml", containerdConfig());
  rmSync(containerdSocket(folder, name), { force: true });
  const daemon = startOn(folder, name, machine, "containerd", ["--config", "/etc/containerd/config.toml"]);
  await waitFor(`containerd of ${name}`, () => existsSync(containerdSocket(folder, name)), { daemons: [daemon] });
  return daemon;
}

/** Starts a node's kubelet. */
export function startKubelet(folder: string, plan: NodePlan, machine: number, server: string): Daemon {
  const { name } = plan;
  const node = join(folder, name);
  writeKubeconfig(folder, server, name, join(name, "kubelet.kubeconfig"));
  writeFileSync(join(node, "kubelet.yaml"), JSON.stringify(kubeletConfig(folder, plan)));
  writeFileSync(join(node, "resolv.conf"), "");
  writeOnNode(machine, "/etc/cni/net.d/10-wasmlet.conflist", JSON.stringify(cniConfig(plan)));
  return startOn(folder, name, machine, "kubelet", kubeletArgs(folder, plan));
}

/** Starts a node's kube-proxy. */
export function startKubeProxy(folder: string, plan: NodePlan, machine: number, server: string): Daemon {
  writeKubeconfig(folder, server, "kube-proxy");
  const config = join(folder, plan.name, "kube-proxy.yaml");
  writeFileSync(config, JSON.stringify(kubeProxyConfig(folder, plan)));
  return startOn(folder, plan.name, machine, "kube-proxy", [`--config=${config}`]);
}

/** Runs a command on a node, as root. Throws CLUSTER_COMMAND_FAILED. */
export function runOn(machine: number, command: readonly string[], options: RunOptions = {}): Promise<Output> {
  const env = { ...process.env, PATH: SEARCH_PATH };
  return run("nsenter", [...enter(machine), "--", ...command], { env, ...options });
}

/** The first process of a machine, as this machine numbers it. */
export function firstProcess(machine: number): number {
  const [pid] = childrenOf(machine);
  if (pid === undefined) throw new Error(`process ${machine} has no child: the node is off`);
  return pid;
}

/** The socket of a node's containerd, as this machine sees it. */
export function containerdSocket(folder: string, node: string): string {
  return join(folder, node, "run", "containerd", "containerd.sock");
}

function startOn(
  folder: string,
  node: string,
  machine: number,
  program: (typeof AGENTS)[number],
  args: readonly string[],
): Daemon {
  const command = ["env", `PATH=${SEARCH_PATH}`, `${NODE_BIN}/${program}`, ...args];
  return startDaemon(folder, daemonName(node, program), "nsenter", [...enter(machine), "--", ...command]);
}

function enter(machine: number): string[] {
  return ["--target", String(firstProcess(machine)), "--mount", "--pid", "--uts", "--net"];
}

/** Writes a file of the node's own /etc, through the node: changes behind an overlay's back are not seen. */
function writeOnNode(machine: number, path: string, text: string): void {
  const target = join("/proc", String(firstProcess(machine)), "root", path);
  mkdirSync(join(target, ".."), { recursive: true });
  writeFileSync(target, text);
}

function bootScript(node: string, name: string): string {
  const folder = (path: string): string => quoted(join(node, path));
  const changes = `lowerdir=/etc,upperdir=${join(node, "etc-changes")},workdir=${join(node, "etc-work")}`;
  return [
    "mount -t proc proc /proc",
    `mount --bind ${quoted(binFolder())} ${folder("opt/bin")}`,
    `mount -o remount,bind,ro ${folder("opt/bin")}`,
    `mount -t overlay overlay -o ${quoted(changes)} /etc`,
    ...Object.entries(OWN_FOLDERS).map(([own, path]) => `mount --rbind ${folder(own)} ${path}`),
    `hostname ${name}`,
    // Volumes that pods share go from pod to pod, and not to this machine.
    "mount --make-rshared /",
    "touch /run/booted",
    `exec ${NODE_BIN}/pause`,
    "",
  ].join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
