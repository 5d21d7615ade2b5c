import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { LEASES } from "../../kube/resources.ts";
import type { KubeClient } from "../../kube/client.ts";
import { waitFor } from "../cluster/processes.ts";
import { repositoryFile } from "../harness.ts";

/** Wasmlet's namespace in tests of the operator. */
export const SYSTEM = "wasmlet-system";

/** A line of the operator's log. */
export interface LogLine {
  level: string;
  msg: string;
  identity?: string;
  leader?: string;
  /** Where metrics and health are. */
  management?: string;
  error?: string;
}

/** An operator that is a process of its own. To dispose of it kills it. */
export interface OperatorProcess extends AsyncDisposable {
  readonly process: ChildProcess;
  /** What it logged so far. */
  readonly lines: LogLine[];
  /** What it printed that is no log: nothing, unless it is broken. */
  readonly errors: string[];
  readonly isLeading: boolean;
  whenLeading: (timeoutMs?: number) => Promise<void>;
  /** Sends a signal; resolves when the process is gone. */
  end: (signal: "SIGKILL" | "SIGTERM") => Promise<void>;
}

/** Starts an operator outside the cluster, with more options of `wasmlet operator`. */
export function startOperatorProcess(kubeconfig: string, more: readonly string[] = []): OperatorProcess {
  const args = ["operator", "--kubeconfig", kubeconfig, "--namespace", SYSTEM, "--runtime-image", "none"];
  const management = ["--management-host", "127.0.0.1", "--management-port", "0"];
  const program = repositoryFile("cli/wasmlet.mjs");
  const child = spawn(process.execPath, [program, ...args, ...management, ...more], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const lines: LogLine[] = [];
  const errors: string[] = [];
  createInterface(child.stdout).on("line", (line) => lines.push(JSON.parse(line) as LogLine));
  createInterface(child.stderr).on("line", (line) => errors.push(line));
  const isLeading = (): boolean =>
    lines.findLast(({ msg }) => msg === "leading" || msg === "no longer leading")?.msg === "leading";
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return {
    process: child,
    lines,
    errors,
    get isLeading() {
      return isLeading();
    },
    whenLeading: (timeoutMs = 30_000) => waitFor("an operator that leads", isLeading, { timeoutMs }),
    end,
    [Symbol.asyncDispose]: () => end("SIGKILL"),
  };
}

/** Takes the lead from an operator that is certainly dead, so that the next need not wait until the lease expires. */
export async function freeLead(client: KubeClient): Promise<void> {
  await client.delete(LEASES, { namespace: SYSTEM, name: "wasmlet-operator" });
}
