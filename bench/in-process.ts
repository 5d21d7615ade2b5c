import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { messageOf } from "../common/errors.ts";
import type { PreparedArtifact } from "../node-runtime/artifacts/prepared-artifact.ts";
import type { Instance, Program } from "../node-runtime/engine/engine.ts";
import { ENGINES } from "../node-runtime/engine/engines.ts";
import { prepareArtifact } from "../node-runtime/prepare/pipeline.ts";
import { makeHost, send } from "../test/conformance/test-bed.ts";

/*
 * Wasmlet's engine in a process of its own, without HTTP, cell and supervisor: the counterpart of
 * peers/wasmtime-embedding/, with the same commands and the same work in each.
 *
 *   pristine 100   100 requests, each to a new instance: a pristine instance, handle, read the body, give back
 *   live 1000      makes apps that have answered one request each, and keeps them: each has its own program and instance, as
 *                  in a cell; the artifact is prepared once, and V8 shares the code of equal modules. Stops where one fails
 *   new FILE       core modules that V8 has never seen to the first answer: load, instantiate, handle or run
 */

const MAX_MEMORY_BYTES = 128 * 2 ** 20;
const ENGINE_OPTIONS = { maxMemoryBytes: MAX_MEMORY_BYTES };

interface Prepared {
  artifact: PreparedArtifact;
  directory: string;
}

/** Held as a whole: a host alone would let the instance be collected. */
interface Answered {
  host: { close(): void };
  instance: Instance;
}

const root = mkdtempSync(join(tmpdir(), "wasmlet-bench-"));
const prepared = new Map<string, Promise<Prepared>>();
const live: Answered[] = [];

function prepare(file: string): Promise<Prepared> {
  const known = prepared.get(file);
  if (known !== undefined) return known;
  const directory = mkdtempSync(join(root, "guest-"));
  const made = prepareArtifact(file, directory).then((artifact) => ({ artifact, directory }));
  prepared.set(file, made);
  return made;
}

function load({ artifact, directory }: Prepared): Program {
  return ENGINES[artifact.engine].load(artifact, directory, ENGINE_OPTIONS);
}

/** Instantiates and answers once; returns what has to be closed or kept. */
async function answerOnce(program: Program): Promise<Answered> {
  const bed = makeHost();
  const instance = await program.instantiate(bed.host);
  if (instance.handle === undefined) {
    const code = await instance.run!();
    if (code !== 0 || bed.stdout.text === "") throw new Error(`the command ended with ${code}: ${bed.stderr.text}`);
  } else {
    const { handled, answer } = send(bed, instance, { path: "/" });
    const { status, body } = await answer;
    await handled;
    if (status !== 200 || body === "") throw new Error(`expected 200 and a body, got ${status}`);
  }
  return { host: bed.host, instance };
}

/** Ends it as a cell does after each request: the program may make the instance pristine and hand it out again. */
function giveBack({ host, instance }: Answered): void {
  host.close();
  instance.release?.();
}

async function measurePristine(program: Program, requests: number): Promise<object> {
  const latenciesNanos: number[] = [];
  const cpu = process.cpuUsage();
  for (let request = 0; request < requests; request++) {
    const begin = process.hrtime.bigint();
    giveBack(await answerOnce(program));
    latenciesNanos.push(Number(process.hrtime.bigint() - begin));
  }
  return { latenciesNanos, cpuNanos: cpuNanosSince(cpu) };
}

async function makeLive(guest: Prepared, count: number): Promise<object> {
  for (const one of live.splice(count)) one.host.close();
  try {
    while (live.length < count) live.push(await answerOnce(load(guest)));
    return { live: live.length };
  } catch (thrown) {
    return { live: live.length, refused: messageOf(thrown) };
  }
}

async function measureNew(file: string): Promise<object> {
  const fresh = makeUnseen(await prepare(file));
  const cpu = process.cpuUsage();
  const begin = process.hrtime.bigint();
  const answered = await answerOnce(load(fresh));
  const latenciesNanos = [Number(process.hrtime.bigint() - begin)];
  const cpuNanos = cpuNanosSince(cpu);
  answered.host.close();
  rmSync(fresh.directory, { recursive: true });
  return { latenciesNanos, cpuNanos };
}

/** Copies a prepared artifact with a custom section in each module, so that V8's cache by bytes holds nothing of it. */
function makeUnseen({ artifact, directory }: Prepared): Prepared {
  const copy = mkdtempSync(join(root, "new-"));
  cpSync(directory, copy, { recursive: true });
  const modules = artifact.modules.map((module) => {
    const file = join(copy, module.file);
    const bytes = Buffer.concat([readFileSync(file), Buffer.from([0, 18, 1, 0x62]), randomBytes(16)]);
    writeFileSync(file, bytes);
    return { ...module, bytes: bytes.length };
  });
  return { artifact: { ...artifact, modules }, directory: copy };
}

function cpuNanosSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

const guest = await prepare(process.argv[2]!);
const program = load(guest);
process.on("exit", () => rmSync(root, { recursive: true, force: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument = ""] = line.split(" ", 2);
  let answer: object;
  if (command === "pristine") answer = await measurePristine(program, Number(argument));
  else if (command === "live") answer = await makeLive(guest, Number(argument));
  else if (command === "new") answer = await measureNew(argument);
  else throw new Error(`expected pristine, live or new, got ${line}`);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
