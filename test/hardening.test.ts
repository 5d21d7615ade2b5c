import { readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { childLauncher } from "../node-runtime/supervisor/child-hardening.ts";
import { startChild } from "../node-runtime/supervisor/child-process.ts";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  startTestRuntime,
  type TestRuntime,
  urlOf,
} from "./harness.ts";

const temporary = makeTemporaryFolder();
let runtime: TestRuntime;
let url: string;
let cell: number;

beforeAll(async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], join(temporary.path, "cache"));
  url = await urlOf(runtime, "probe");
  cell = runtime.childPids().cells[0]!;
});

afterAll(async () => {
  await runtime.stop(0);
  temporary.remove();
});

function procFile(name: string): string {
  return readFileSync(`/proc/${cell}/${name}`, "utf8");
}

/** What the cell has open, without numbers: `socket`, `pipe`, `anon_inode:[eventpoll]`. */
function openThings(): string[] {
  return readdirSync(`/proc/${cell}/fd`)
    .map((fd) => readlinkSync(`/proc/${cell}/fd/${fd}`).replace(/:\[\d+\]$/, ""))
    .sort();
}

/** Inodes of the sockets on which this machine waits for connections. */
function listeningInodes(): Set<string> {
  const lines = ["tcp", "tcp6"].flatMap((name) => procFile(`net/${name}`).split("\n").slice(1));
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return new Set(fields.filter(([, , , state]) => state === "0A").map((field) => field[9]!));
}

function listenersOfCell(): number {
  const listening = listeningInodes();
  const targets = readdirSync(`/proc/${cell}/fd`).map((fd) => readlinkSync(`/proc/${cell}/fd/${fd}`));
  return targets.filter((target) => listening.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "")).length;
}

test("contract: a cell has the environment and the descriptors that are explained, and no others", () => {
  const names = procFile("environ")
    .split("\0")
    .flatMap((entry) => entry.split("=", 1).filter(Boolean));
  expect(new Set(names)).toEqual(new Set(["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "NODE_COMPILE_CACHE"]));
  // Standard input and output lead nowhere; of sockets there are standard error, the channel, its beats and the app's listener.
  const explained = new Set([
    "/dev/null",
    "anon_inode:[eventfd]",
    "anon_inode:[eventpoll]",
    "anon_inode:[io_uring]",
    "pipe",
    "socket",
  ]);
  expect(openThings().filter((thing) => !explained.has(thing))).toEqual([]);
  expect(openThings().filter((thing) => thing === "socket")).toHaveLength(4);
  expect(listenersOfCell()).toBe(1);
});

test("contract: the kernel lets a cell gain no privileges, writes no core of it, and takes it before its supervisor", () => {
  const { inEffect } = childLauncher();
  if (inEffect.includes("no_new_privs")) expect(procFile("status")).toMatch(/^NoNewPrivs:\s*1$/m);
  if (inEffect.includes("no core dumps")) expect(procFile("limits")).toMatch(/^Max core file size\s+0\s+0\s/m);
  // Files of others, their times, and ports below 1024: bits 1, 3 and 10.
  const [, held = ""] = /^CapEff:\s*(\w+)$/m.exec(procFile("status")) ?? [];
  if (inEffect.includes("few capabilities")) expect(BigInt(`0x${held}`) & ~0x40an).toBe(0n);
  const own = Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
  expect(Number(procFile("oom_score_adj"))).toBe(Math.min(1000, own + 100));
  expect(runtime.lines.map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/^children run with Node's permission model, /),
  );
});

test("contract: SIGUSR1 opens no inspector in a cell, and ends nothing", async () => {
  process.kill(cell, "SIGUSR1");
  // Two requests: the signal is delivered before the second one's turn.
  for (let index = 0; index < 2; index++) expect((await get(`${url}/hello`)).status).toBe(200);
  expect(listenersOfCell()).toBe(1);
});

test.each([
  ["starts no process", `(await import("node:child_process")).execFileSync("/bin/true")`],
  ["opens no inspector", `(await import("node:inspector")).open(0)`],
  ["has no WASI of Node's", `new (await import("node:wasi")).WASI({ version: "preview1" })`],
])("contract: a child of the runtime's %s", async (_what, attempt) => {
  expect(await outcomeOf(attempt)).toBe("ERR_ACCESS_DENIED");
});

test.each([
  ["reads nothing else of the machine", `(await import("node:fs")).readFileSync("/etc/passwd")`],
  ["writes nowhere else", `(await import("node:fs")).writeFileSync("/tmp/out", "")`],
  [
    "connects to nobody",
    `await (await import("node:events")).once((await import("node:net")).connect(1, "127.0.0.1"), "connect")`,
  ],
])("contract: a child whose files are known %s", async (_what, attempt) => {
  expect(await outcomeOf(attempt, [])).toBe("ERR_ACCESS_DENIED");
});

/** What comes of a statement in a child: the code of its error, or `done`. */
function outcomeOf(statement: string, files?: string[]): Promise<unknown> {
  const main = join(temporary.path, "attempt.mjs");
  writeFileSync(main, `try { ${statement}; process.send("done") } catch (thrown) { process.send(thrown.code) }`);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const child = startChild(main, { maxHeapMb: 64, ...(files && { files: { read: [main], write: files } }) });
  child.once("message", resolve);
  child.once("exit", () => resolve("ended without a word"));
  return promise.finally(() => child.kill("SIGKILL"));
}
