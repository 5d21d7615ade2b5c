import { randomInt } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { binaryPath } from "./binaries.ts";
import {
  apiServerArgs,
  controllerManagerArgs,
  etcdArgs,
  kubeconfig,
  schedulerArgs,
  type ControlPlanePorts,
} from "./component-config.ts";
import { ClusterError } from "./errors.ts";
import { startDaemon, waitFor, type Daemon } from "./processes.ts";
import type { ClusterLevel } from "./requirements.ts";

/*
 * etcd, the API server, the controller manager and the scheduler: processes of this machine, on ports of their own.
 */

/** Below what Linux gives to connections (32768 and up) and Kubernetes to Services (30000 and up). */
const FIRST_PORT = 20_000;
const PORT_COUNT = 9000;
const MAX_TRIES = 1000;

/** Returns free ports of this machine. */
export async function findPorts(): Promise<ControlPlanePorts> {
  const [api = 0, etcd = 0, etcdPeer = 0] = await findFreePorts(3);
  return { api, etcd, etcdPeer };
}

/** Writes a user's kubeconfig and returns its path. */
export function writeKubeconfig(folder: string, server: string, user: string, file = `${user}.kubeconfig`): string {
  const path = join(folder, file);
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(kubeconfig(folder, server, user), null, 2), { mode: 0o600 });
  return path;
}

/** Starts etcd. */
export function startEtcd(folder: string, ports: ControlPlanePorts): Daemon {
  return startDaemon(folder, "etcd", binaryPath("etcd"), etcdArgs(folder, ports));
}

/** Starts the API server and resolves once it is ready. */
export async function startApiServer(
  folder: string,
  level: ClusterLevel,
  ports: ControlPlanePorts,
  extraArgs: readonly string[] = [],
): Promise<Daemon> {
  // The threads of one that was killed hold its port for a moment longer than its process is there.
  await waitFor("the API server's port", () => isFree(ports.api));
  const args = [...apiServerArgs(folder, level, ports), ...extraArgs];
  const daemon = startDaemon(folder, "kube-apiserver", binaryPath("kube-apiserver"), args);
  await waitFor("the API server", () => isReady(folder, ports), { daemons: [daemon] });
  return daemon;
}

/** Starts the controller manager. */
export function startControllerManager(folder: string): Daemon {
  const program = binaryPath("kube-controller-manager");
  return startDaemon(folder, "kube-controller-manager", program, controllerManagerArgs(folder));
}

/** Starts the scheduler. */
export function startScheduler(folder: string): Daemon {
  return startDaemon(folder, "kube-scheduler", binaryPath("kube-scheduler"), schedulerArgs(folder));
}

/** Whether the API server says that it is ready. */
export async function isReady(folder: string, ports: Pick<ControlPlanePorts, "api">): Promise<boolean> {
  return (await askApi(folder, ports, "/readyz")).status === 200;
}

/** Asks the API as admin; the status is 0 where there is no answer. */
export function askApi(
  folder: string,
  { api }: Pick<ControlPlanePorts, "api">,
  path: string,
): Promise<{ status: number; body: string }> {
  const pki = (name: string): Buffer => readFileSync(join(folder, "pki", name));
  const tls = { ca: pki("ca.pem"), cert: pki("admin.pem"), key: pki("admin.key") };
  return new Promise((resolve) => {
    const noAnswer = (): void => resolve({ status: 0, body: "" });
    const asked = request(`https://127.0.0.1:${api}${path}`, { ...tls, agent: false, timeout: 5000 }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), noAnswer);
    });
    asked.on("timeout", () => asked.destroy(new Error("timeout")));
    asked.on("error", noAnswer);
    asked.end();
  });
}

/**
 * Returns free ports that stay ours: the API server gives its own up and takes it again, and meanwhile no other program may be
 * given it as the near end of a connection, nor Kubernetes as a node port.
 */
async function findFreePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries === MAX_TRIES) {
      const message = `no free port between ${FIRST_PORT} and ${FIRST_PORT + PORT_COUNT}`;
      throw new ClusterError("CLUSTER_TIMEOUT", message, "End what listens on them, and try again.");
    }
    const port = randomInt(FIRST_PORT, FIRST_PORT + PORT_COUNT);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
