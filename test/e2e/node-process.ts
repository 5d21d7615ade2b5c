import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { get, makeTemporaryFolder } from "../harness.ts";
import { spawnWasmlet } from "../served-runtime.ts";

/*
 * A node runtime as its pod runs it: `wasmlet node` in a process of its own, for a cluster that is real.
 */

/** How a node runtime of a test is started. */
export interface NodeProcessOptions {
  kubeconfig: string;
  nodeName: string;
  /** Its pool; left out, it runs the replicas of every pool. */
  runtimeName?: string;
  podName: string;
  /** A folder that outlives it, for what is kept between starts. */
  cacheDirectory: string;
  secretsDirectory?: string;
  /** Given where the pod is to be asked for, and the node has an account. */
  podNamespace?: string;
}

/** A line of its log. */
export type NodeLogRecord = Record<string, unknown> & { level: string; msg: string };

/** A started `wasmlet node`. */
export interface NodeProcess extends AsyncDisposable {
  readonly pid: number;
  readonly log: NodeLogRecord[];
  readonly managementUrl: string;
  isReady(): Promise<boolean>;
  metrics(): Promise<string>;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Ends it as the kubelet does; resolves to its exit code. */
  terminate(): Promise<number | null>;
}

/** Starts one; resolves once it says that it serves. */
export async function startNodeProcess(options: NodeProcessOptions): Promise<NodeProcess> {
  const { kubeconfig, nodeName, runtimeName, podName, cacheDirectory, secretsDirectory, podNamespace } = options;
  const args = ["node", "--kubeconfig", kubeconfig, "--host", "127.0.0.1", "--management-host", "127.0.0.1"];
  args.push("--management-port", "0", "--cells", "1", "--spare-cells", "0");
  if (runtimeName !== undefined) args.push("--runtime-name", runtimeName);
  if (secretsDirectory !== undefined) args.push("--secrets-dir", secretsDirectory);
  const pod = { NODE_NAME: nodeName, POD_NAME: podName, POD_IP: "127.0.0.1" };
  const child = spawnWasmlet(
    args,
    cacheDirectory,
    {},
    { ...pod, ...(podNamespace && { POD_NAMESPACE: podNamespace }) },
  );
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const log: NodeLogRecord[] = [];
  const managementUrl = await untilServing(child, log);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  return {
    pid: child.pid!,
    log,
    managementUrl,
    isReady: async () => (await get(`${managementUrl}/readyz`)).status === 200,
    metrics: async () => (await get(`${managementUrl}/metrics`)).body,
    kill,
    terminate: () => {
      child.kill("SIGTERM");
      return exited;
    },
    [Symbol.asyncDispose]: kill,
  };
}

/** Returns a new folder for what a node keeps. */
export function makeNodeFolder(): Disposable & { path: string } {
  const { path } = makeTemporaryFolder();
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function untilServing(child: ChildProcess, log: NodeLogRecord[]): Promise<string> {
  let errors = "";
  child.stderr!.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const record = JSON.parse(line) as NodeLogRecord;
      log.push(record);
      if (record.msg === "serving") resolve(String(record["management"]));
    });
    child.once("exit", (code) => reject(new Error(`wasmlet node ended with ${code}: ${errors}`)));
  });
}
