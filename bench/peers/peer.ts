import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/*
 * What Wasmlet is compared with. A peer that cannot be had on this machine says why, and the report repeats it: an arm that
 * is not there must not look like one that was won.
 */

const HOST = "127.0.0.1";
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const MAX_ERROR_CHARACTERS = 4000;

/** A server that answers `GET /` at `url`; `pid` is the root of its processes. */
export interface RunningPeer {
  readonly url: string;
  readonly pid: number;
  /** How it differs from what its name says, for people. */
  readonly note?: string;
  stop(): Promise<void>;
}

/** Why a peer is not there, for people: what is missing, and how to get it. */
export interface MissingPeer {
  readonly missing: string;
}

/** One thing to compare with. */
export interface Peer {
  /** The name of its arm. */
  readonly name: string;
  /** Serves the component in `file`, or a program of its own with the same answer; resolves once it answers. */
  start(file: string): Promise<RunningPeer | MissingPeer>;
}

/** Returns a port that is free now. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen({ host: HOST, port: 0 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a server and resolves once it answers 200; rejects with what it printed when it ends before or takes a minute. */
export async function startServer(command: string, args: readonly string[], port: number): Promise<RunningPeer> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => (printed = (printed + String(chunk)).slice(-MAX_ERROR_CHARACTERS)));
  }
  let ended: string | undefined;
  child.on("error", (error) => (ended = error.message));
  child.on("exit", (code, signal) => (ended ??= `ended with ${code ?? signal}`));
  const url = `http://${HOST}:${port}/`;
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!(await answers(url))) {
    if (ended !== undefined) throw new Error(`${command} ${ended}: ${printed}`);
    if (performance.now() > deadline) {
      await stopChild(child);
      throw new Error(`${command} did not answer within ${READY_TIMEOUT_MS / 1000} s: ${printed}`);
    }
    await delay(POLL_MS);
  }
  return { url, pid: child.pid ?? 0, stop: () => stopChild(child) };
}

/** Ends the children of a server with it: `jco serve` is two processes. False when there is no such group. */
function killGroup(leader: number): boolean {
  try {
    return process.kill(-leader, "SIGKILL");
  } catch {
    return false;
  }
}

/** Ends a child at once, and resolves when it is gone. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, "exit");
  if (!killGroup(child.pid)) child.kill("SIGKILL");
  await gone;
}

/** Resolves to true when the command runs and ends with 0. */
export async function canRun(command: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: "ignore" });
  return new Promise((resolve) => {
    child.on("error", () => resolve(false));
    child.on("exit", (code) => resolve(code === 0));
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { headers: { connection: "close" } });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // it does not listen yet
  }
}
