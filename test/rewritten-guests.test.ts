import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Program } from "../node-runtime/engine/engine.ts";
import { ENGINES } from "../node-runtime/engine/engines.ts";
import { EPOCH_MEMORY } from "../node-runtime/engine/epoch.ts";
import { WRITES_MEMORY } from "../node-runtime/engine/write-marks.ts";
import { transpile } from "../node-runtime/prepare/glue.ts";
import { rewriteModule, type RewriteOptions, type Rewritten } from "../node-runtime/prepare/rewrite/rewrite.ts";
import { GuestShelf, loadGuest, makeHost, MAX_MEMORY_BYTES, send } from "./conformance/test-bed.ts";

/*
 * Every guest of the repository, its core modules rewritten in each way there is, runs as before through the engines that
 * take any module: they are given what a rewritten module imports besides. Then guests as they are prepared.
 */

const root = fileURLToPath(new URL("..", import.meta.url));
const GUESTS = globSync("{examples/*,test/guests}/*.wasm", { cwd: root }).toSorted();
const MAX_PAGES = MAX_MEMORY_BYTES / 65_536;
/** WASI 0.3 guests are for another binding. */
const runs = (guest: string): boolean => !guest.includes("-p3");

const shelf = new GuestShelf();
afterAll(() => shelf.clear());

const { Instance } = WebAssembly;
const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
/** Memories handed out in the running test, and what the last guest that was loaded asks for. */
let memories: WebAssembly.Memory[] = [];
let descriptor: { initial: number; maximum: number };

beforeEach(() => {
  new Int32Array(epoch.buffer)[0] = 0;
  WebAssembly.Instance = class extends Instance {
    constructor(module: WebAssembly.Module, imports: WebAssembly.Imports = {}) {
      const needsMemory = WebAssembly.Module.imports(module).some(
        (entry) => entry.module === "wasmlet" && entry.name === "memory",
      );
      const memory = needsMemory ? new WebAssembly.Memory(descriptor) : undefined;
      if (memory !== undefined) memories.push(memory);
      super(module, { ...imports, wasmlet: { epoch, memory, writes: WRITES_MEMORY } });
    }
  };
  memories = [];
});
afterEach(() => {
  WebAssembly.Instance = Instance;
});

/** A guest's core modules as its compiler wrote them, in the order in which they are prepared. */
async function originalModules(guest: string): Promise<readonly Uint8Array[]> {
  const bytes = readFileSync(join(root, guest));
  const { artifact } = await shelf.take(join(root, guest), "jco");
  return artifact.kind === "core-module" ? [bytes] : (await transpile(bytes)).modules.map(({ bytes }) => bytes);
}

/** Loads a guest whose modules are rewritten here; `sparePages` are what its memory has more than it asks for. */
async function loadRewritten(
  guest: string,
  growth: RewriteOptions["growth"] & string,
  { sparePages = 0, tracksWrites = false }: { sparePages?: number; tracksWrites?: boolean } = {},
): Promise<Program> {
  const prepared = await shelf.take(join(root, guest), "jco");
  const directory = join(prepared.directory, `${growth}-${sparePages}-${tracksWrites}`);
  mkdirSync(directory, { recursive: true });
  const { glue } = prepared.artifact;
  for (const file of glue === undefined ? [] : [glue.file, glue.codeCache]) {
    writeFileSync(join(directory, file), readFileSync(join(prepared.directory, file)));
  }
  const originals = await originalModules(guest);
  const modules = prepared.artifact.modules.map(({ rewriting: _replaced, ...record }, index) => {
    const module = rewriteModule(originals[index]!, { maxMemoryPages: MAX_PAGES, growth, tracksWrites });
    if ("routed" in module) throw new Error(`routed: ${module.routed}`);
    if (module.memory) descriptor = { initial: module.memory.minPages + sparePages, maximum: module.memory.maxPages };
    writeFileSync(join(directory, record.file), module.bytes);
    return record;
  });
  return loadGuest(ENGINES[prepared.artifact.engine], { artifact: { ...prepared.artifact, modules }, directory });
}

test.each(GUESTS.filter(runs))(
  "rewriteModule: %s becomes modules that V8 accepts, resettable and barely larger",
  async (guest) => {
    const originals = await originalModules(guest);
    const main = originals.map((bytes): Rewritten => {
      const module = rewriteModule(bytes, { maxMemoryPages: MAX_PAGES });
      if ("routed" in module) throw new Error(`routed: ${module.routed}`);
      expect(WebAssembly.validate(module.bytes)).toBe(true);
      expect(module.resettable).toBe(true);
      return module;
    })[0]!;
    expect(main.bytes.length).toBeLessThan(1.1 * originals[0]!.length);
    const tracked = rewriteModule(originals[0]!, { maxMemoryPages: MAX_PAGES, tracksWrites: true });
    expect(tracked).toMatchObject({ resettable: true, writes: true });
    if ("routed" in tracked) return;
    expect(WebAssembly.validate(tracked.bytes)).toBe(true);
    expect(tracked.bytes.length).toBeLessThan(1.6 * originals[0]!.length);
  },
);

const WAYS = [
  { way: "as it is", growth: "physical", sparePages: 0, tracksWrites: false },
  { way: "with logical growth in a larger memory", growth: "logical", sparePages: 60, tracksWrites: false },
  { way: "with marks of what is written", growth: "logical", sparePages: 0, tracksWrites: true },
] as const;

describe.each(WAYS)("rewritten, $way", ({ growth, sparePages, tracksWrites }) => {
  test.each([
    { args: ["hello"], exitCode: 0, stdout: "Hello from command\n" },
    { args: ["exit", "77"], exitCode: 77, stdout: "" },
    { args: ["cat"], input: "x".repeat(200_000), exitCode: 0, stdout: "x".repeat(200_000) },
    { args: ["alloc", "8"], exitCode: 0, stdout: "ok\n" },
    { args: ["alloc", "64"], exitCode: 0, stdout: "failed\n" },
  ])("commands: $args do as before", async ({ args, input, exitCode, stdout }) => {
    for (const guest of ["test/guests/command.wasm", "test/guests/command-p1.wasm"]) {
      const program = await loadRewritten(guest, growth, { sparePages, tracksWrites });
      const bed = makeHost({ args, ...(input !== undefined && { input }) });
      const instance = await program.instantiate(bed.host);
      expect([guest, await instance.run!(), bed.stdout.text]).toEqual([guest, exitCode, stdout]);
    }
  });

  test("a command in C and one in Go do as before", async () => {
    for (const [guest, line] of [
      ["test/guests/command-c-p1.wasm", "Hello from C, nobody"],
      ["examples/tour-go/tour-go.wasm", ""],
    ] as const) {
      const bed = makeHost();
      const instance = await (await loadRewritten(guest, growth, { sparePages, tracksWrites })).instantiate(bed.host);
      expect([guest, await instance.run!()]).toEqual([guest, 0]);
      expect(bed.stdout.text).toContain(line);
      expect(memories).toHaveLength(guest.includes("go") ? 2 : 1);
    }
  });

  test.each(["/hello", "/alloc?mib=4", "/count", "/headers", "/forbidden-header", "/bytes?count=100000"])(
    "http: %s is answered as before",
    async (path) => {
      const guest = "test/guests/probe.wasm";
      const prepared = await shelf.take(join(root, guest), "jco");
      const expected = await ask(loadGuest(ENGINES[prepared.artifact.engine], prepared), path);
      expect(await ask(await loadRewritten(guest, growth, { sparePages, tracksWrites }), path)).toEqual(expected);
    },
  );
});

async function ask(program: Program, path: string): Promise<unknown> {
  const bed = makeHost();
  const { answer, handled } = send(bed, await program.instantiate(bed.host), { path });
  await handled;
  return answer;
}

test("epoch: a guest that spins is stopped, and the next instance answers", async () => {
  const program = await loadRewritten("test/guests/probe.wasm", "physical");
  const bed = makeHost();
  const instance = await program.instantiate(bed.host);
  new Int32Array(epoch.buffer)[0] = 1;
  await expect(send(bed, instance, { path: "/loop" }).handled).rejects.toThrow(/unreachable/);
  new Int32Array(epoch.buffer)[0] = 0;
  expect(await ask(program, "/hello")).toMatchObject({ status: 200 });
});

test.each(["command", "command-p1"])(
  "prepared: %s is stopped by the engines' epoch, and the next runs",
  async (name) => {
    WebAssembly.Instance = Instance;
    const prepared = await shelf.take(join(root, `test/guests/${name}.wasm`));
    const program = loadGuest(ENGINES[prepared.artifact.engine], prepared);
    const words = new Int32Array(EPOCH_MEMORY.buffer);
    onTestFinished(() => void (words[0] = 0));
    const instance = await program.instantiate(makeHost({ args: ["loop"] }).host);
    words[0] = 1;
    await expect(instance.run!()).rejects.toThrow(/unreachable/);
    words[0] = 0;
    const bed = makeHost({ args: ["hello"] });
    expect(await (await program.instantiate(bed.host)).run!()).toBe(0);
    expect(bed.stdout.text).toBe("Hello from command\n");
  },
);
