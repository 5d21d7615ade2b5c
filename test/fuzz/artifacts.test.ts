import { readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder, repositoryFile, type Manifest } from "../harness.ts";
import { buildScriptedGuest } from "../scripted-guests.ts";
import { isAlive, serve, type ServedRuntime } from "../served-runtime.ts";
import { fuzzArtifacts, isExpected, REGRESSIONS } from "./artifacts.ts";
import { judgeAll } from "./judges.ts";
import { COMPONENT_HEADER, makeMutant, MODULE_HEADER, type MutantKind } from "./mutants.ts";

/*
 * Hostile artifacts, thousands of them, the same in every run. The pipeline judges them in processes like the
 * preparer's, many in each; some go the whole way, through a supervisor of its own.
 */

const HELLO = repositoryFile("examples/hello-rust/hello-rust.wasm");
const COMMAND_P1 = guestFile("command-p1");
const VERDICT = /^(prepared|ARTIFACT_[A-Z_]+)$/;
const CORPUS_MUTANTS = 4000;
const APPS_PER_KIND = 8;
/** Of components few mutants are valid: with so many, some serve. */
const COMPONENT_APPS = 24;

const temporary = makeTemporaryFolder();
const SCRIPTED = join(temporary.path, "scripted.wasm");

beforeAll(async () => writeFileSync(SCRIPTED, await buildScriptedGuest({})));
afterAll(() => temporary.remove());

test.each<[string, MutantKind, number]>([
  ["a large component", { file: HELLO }, 100],
  ["a small component", { file: SCRIPTED }, 600],
  ["a core module", { file: COMMAND_P1 }, 2000],
])("contract: mutants of %s: each is prepared or refused with a code", async (_kind, kind, count) => {
  const verdicts = await judge(kind, count);
  expect([...verdicts.keys()].filter((verdict) => !VERDICT.test(verdict))).toEqual([]);
  expect(sumOf(verdicts)).toBe(count);
  // Mutants that are all refused, or none, would say nothing.
  expect(verdicts.get("prepared")).toBeGreaterThan(0);
  expect(verdicts.get("ARTIFACT_INVALID")).toBeGreaterThan(0);
});

test("contract: mutants of every artifact of the tests, section by section: each is prepared or refused with a code", async () => {
  const report = await fuzzArtifacts({
    runs: CORPUS_MUTANTS,
    seed: 0,
    processes: availableParallelism(),
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  expect(report.failures).toEqual([]);
  expect(report.judged).toBe(CORPUS_MUTANTS);
  expect(report.verdicts["prepared"]).toBeGreaterThan(CORPUS_MUTANTS / 50);
});

test("contract: what was found once is prepared or refused with a code", async () => {
  const files = readdirSync(REGRESSIONS).map((name) => join(REGRESSIONS, name));
  const verdicts = await judge({ files }, files.length);
  expect([...verdicts.keys()].filter((verdict) => !isExpected(verdict))).toEqual([]);
  expect(sumOf(verdicts)).toBe(files.length);
});

test.each<[string, readonly number[], number]>([
  ["a component's", COMPONENT_HEADER, 400],
  ["a core module's", MODULE_HEADER, 400],
])("contract: random bytes behind %s header: each is refused as invalid", async (_kind, header, count) => {
  expect(await judge({ header }, count)).toEqual(new Map([["ARTIFACT_INVALID", count]]));
});

test("contract: a supervisor that is fed mutants lives, and their neighbour answers throughout", async () => {
  const kinds: [name: string, kind: MutantKind, spec: Record<string, unknown>, count?: number][] = [
    ["module", { file: COMMAND_P1 }, { trigger: { command: { args: ["hello"], restartPolicy: "Never" } } }],
    ["component", { file: SCRIPTED }, { limits: { requestTimeoutSeconds: 1 } }, COMPONENT_APPS],
    ["module-noise", { header: MODULE_HEADER }, { trigger: { command: { restartPolicy: "Never" } } }],
    ["component-noise", { header: COMPONENT_HEADER }, {}],
  ];
  const runtime = await serve([appManifest("probe", guestFile("probe"))], join(temporary.path, "cache"));
  try {
    const probe = await runtime.urlOf("probe");
    const neighbour = new Neighbour(`${probe}/sleep?ms=20`);
    const mutants = kinds.flatMap(([name, kind, spec, length = APPS_PER_KIND]) =>
      Array.from({ length }, (_, seed) => mutantApp(`${name}-${seed}`, makeMutant(kind, seed), spec)),
    );
    runtime.write("mutants.yaml", ...mutants);
    // Each ends as what it is: refused with a code, ready, or run to an end of its own.
    const settled = /^default\/(module|component)(-noise)?-\d+ is (Failed|Ready|Completed|Running)$/;
    for (const { metadata } of mutants) {
      const { name } = metadata as { name: string };
      await runtime.untilLogged(({ msg }) => settled.exec(msg)?.[0].startsWith(`default/${name} is `) === true);
    }
    const statuses = await neighbour.stop();
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(isAlive(runtime.pid)).toBe(true);
    expect((await get(`${runtime.managementUrl}/healthz`)).body).toBe("ok\n");
    await expectReasons(runtime);
    await callMutants(runtime);
    expect((await get(`${probe}/hello`)).status).toBe(200);
    runtime.signal("SIGTERM");
    expect(await runtime.exited).toEqual({ code: 0, signal: null });
  } finally {
    await runtime.remove();
  }
});

/** Every mutant is in /v1/apps, and one that failed says why with a code or its own exit code. */
async function expectReasons(runtime: ServedRuntime): Promise<void> {
  const mutants = (await runtime.apps()).filter(({ name }) => name !== "probe");
  expect(mutants).toHaveLength(3 * APPS_PER_KIND + COMPONENT_APPS);
  const failed = mutants.filter(({ state }) => state === "Failed");
  expect(failed.length).toBeGreaterThan(2 * APPS_PER_KIND);
  for (const { reason } of failed) expect(reason).toMatch(/^(ARTIFACT_[A-Z_]+|GUEST_[A-Z_]+|Error)$/);
}

/** Calls the mutants that became apps: whatever each does to its request, it does to that alone. */
async function callMutants(runtime: ServedRuntime): Promise<void> {
  const ready = (await runtime.apps()).filter(({ name, state }) => name !== "probe" && state === "Ready");
  expect(ready.length).toBeGreaterThan(0);
  for (const { urls } of ready) {
    const outcome = await get(urls[0] ?? "").then(
      ({ status }) => status,
      (thrown: NodeJS.ErrnoException) => thrown.code,
    );
    expect([200, 502, 504, "ECONNRESET"]).toContain(outcome);
  }
}

function mutantApp(name: string, bytes: Uint8Array, spec: Record<string, unknown>): Manifest {
  const file = join(temporary.path, `${name}.wasm`);
  writeFileSync(file, bytes);
  return appManifest(name, file, { spec });
}

/** Judges mutants 0 to `count`; returns how many came to which verdict. */
async function judge(kind: MutantKind, count: number): Promise<Map<string, number>> {
  const folder = makeTemporaryFolder();
  try {
    return (await judgeAll({ kind, seeds: [0, count], folder: folder.path })).verdicts;
  } finally {
    folder.remove();
  }
}

function sumOf(verdicts: ReadonlyMap<string, number>): number {
  return [...verdicts.values()].reduce((sum, times) => sum + times, 0);
}

/** A client that asks one app again and again. */
class Neighbour {
  readonly #statuses: (number | string)[] = [];
  readonly #done: Promise<void>;
  #isOver = false;

  constructor(url: string) {
    this.#done = this.#run(url);
  }

  /** Ends the client; returns the status or error of every request. */
  async stop(): Promise<(number | string)[]> {
    this.#isOver = true;
    await this.#done;
    return this.#statuses;
  }

  async #run(url: string): Promise<void> {
    while (!this.#isOver) this.#statuses.push(await get(url).then(({ status }) => status, String));
  }
}
