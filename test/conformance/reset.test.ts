import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Instance, Program } from "../../node-runtime/engine/engine.ts";
import { ENGINES } from "../../node-runtime/engine/engines.ts";
import { WRITES_MEMORY } from "../../node-runtime/engine/write-marks.ts";
import { BytePipe } from "../../node-runtime/wasi/io/byte-pipe.ts";
import { GuestShelf, loadGuest, makeHost, ManualClock, MAX_MEMORY_BYTES, send, type TestHost } from "./test-bed.ts";

/*
 * A reset restores what was marked as written and nothing else (engine/write-marks.ts): of every guest, after whatever it
 * did, each byte of its memory is as it was at first, and beyond its first size there are zeros.
 */

const shelf = new GuestShelf();
const { Memory } = WebAssembly;
/** Every memory that an engine made. */
const memories: WebAssembly.Memory[] = [];

WebAssembly.Memory = class extends Memory {
  constructor(descriptor: ConstructorParameters<typeof Memory>[0]) {
    super(descriptor);
    memories.push(this);
  }
};

beforeEach(() => void (memories.length = 0));

afterAll(() => {
  WebAssembly.Memory = Memory;
  shelf.clear();
});

const take = (file: string): ReturnType<GuestShelf["take"]> =>
  shelf.take(fileURLToPath(new URL(`../../${file}.wasm`, import.meta.url)), "lean");

/** Loads a guest of the repository, by its file; it must be one whose writes are marked. */
async function loadTracked(file: string): Promise<Program> {
  const guest = await take(file);
  expect(guest.artifact.modules.map(({ tracked }) => tracked?.rewriting.resettable)).toContain(true);
  expect(guest.artifact.modules.map(({ tracked }) => tracked?.rewriting.writes)).toContain(true);
  return loadGuest(ENGINES.lean, guest);
}

const copies = (): Buffer[] => memories.map(({ buffer }) => Buffer.from(buffer.slice(0)));

/** Whether the memories now hold what they held, and zeros behind that. */
function areAs(first: readonly Buffer[]): boolean[] {
  return memories.map(({ buffer }, index) => {
    const [now, then] = [Buffer.from(buffer), first[index]!];
    return now.subarray(0, then.length).equals(then) && now.subarray(then.length).every((byte) => byte === 0);
  });
}

interface Guest {
  bed: TestHost;
  instance: Instance;
}

async function makeGuest(program: Program, options: Parameters<typeof makeHost>[0] = {}): Promise<Guest> {
  const bed = makeHost(options);
  return { bed, instance: await program.instantiate(bed.host) };
}

function giveBack({ bed, instance }: Guest): void {
  bed.host.close();
  instance.release!();
}

async function serve(guest: Guest, path: string, body: string): Promise<void> {
  const { handled, answer } = send(guest.bed, guest.instance, { path, method: "POST", body });
  await Promise.all([handled, answer]);
  giveBack(guest);
}

const TEXT = "a piece of a request's body; ".repeat(10_000);

test.each([
  ["examples/hello-c/hello-c", "/", ""],
  ["examples/hello-rust/hello-rust", "/", ""],
  ["examples/image-rust/image-rust", "/?width=64&height=48", ""],
  ["test/guests/probe", "/hello", ""],
  ["test/guests/probe", "/headers", ""],
  ["test/guests/probe", "/env", ""],
  ["test/guests/probe", "/count", ""],
  ["test/guests/probe", "/random?n=10000", ""],
  ["test/guests/probe", "/bytes?n=500000", ""],
  ["test/guests/probe", "/echo", TEXT],
  ["test/guests/probe", "/drain", TEXT],
  ["test/guests/probe", "/alloc?mib=6", ""],
  ["test/guests/probe", "/preopens", ""],
  ["test/guests/probe", "/forbidden-header", ""],
])("contract: all of the memory of %s is as at first after %s", async (file, path, body) => {
  const program = await loadTracked(file);
  const guest = await makeGuest(program);
  const first = copies();
  await serve(guest, path, body);
  expect(areAs(first)).toContain(false);
  await makeGuest(program, { env: [["A", "B"]] });
  expect(areAs(first)).toEqual(memories.map(() => true));
  expect(memories).toHaveLength(first.length);
});

test("contract: all is as at first after guests ran in turns, each waking up while another has run", async () => {
  const program = await loadTracked("test/guests/probe");
  const pipes = [new BytePipe(), new BytePipe(), new BytePipe()];
  const guests = await Promise.all(pipes.map(() => makeGuest(program)));
  const other = await makeGuest(program);
  const first = copies();
  const exchanges = guests.map(({ bed, instance }, index) =>
    send(bed, instance, { path: "/echo", method: "POST", body: pipes[index]! }),
  );
  await serve(other, "/headers", "");
  for (let round = 0; round < 3; round++) for (const pipe of pipes.toReversed()) pipe.write(Buffer.from(TEXT));
  for (const pipe of pipes) pipe.end();
  const answers = await Promise.all(exchanges.map(({ answer, handled }) => handled.then(() => answer)));
  expect(answers.map(({ body }) => body.length)).toEqual(pipes.map(() => 3 * TEXT.length));
  guests.forEach(giveBack);
  expect(areAs(first)).toEqual(memories.map(() => false));
  await Promise.all(memories.map(() => makeGuest(program)));
  expect(areAs(first)).toEqual([true, true, true, true]);
});

test("contract: all is as at first after guests of two programs waited for the same moment", async () => {
  const programs = [await loadTracked("test/guests/probe"), await loadTracked("examples/hello-rust/hello-rust")];
  const clock = new ManualClock();
  const guest = await makeGuest(programs[0]!, { clock });
  const others = await Promise.all([makeGuest(programs[0]!, { clock }), makeGuest(programs[1]!)]);
  const first = copies();
  const streams = [guest, others[0]].map(({ bed, instance }) =>
    send(bed, instance, { path: "/stream?chunks=4&ms=10" }),
  );
  for (let chunk = 1; chunk < 4; chunk++) {
    await clock.untilWaiting(2);
    if (chunk === 2) await serve(others[1], "/", "");
    clock.advance(10);
  }
  for (const { answer, handled } of streams) await Promise.all([answer, handled]);
  giveBack(guest);
  giveBack(others[0]);
  await Promise.all([makeGuest(programs[0]!), makeGuest(programs[0]!), makeGuest(programs[1]!)]);
  expect(areAs(first)).toEqual([true, true, true]);
});

test.each([{ reuse: "Instance" }, { trigger: "command" }] as const)(
  "instances that are never reset, of apps with %o, have no marks",
  async (app) => {
    const { artifact, directory } = await take("test/guests/probe");
    const program = ENGINES.lean.load(artifact, directory, { maxMemoryBytes: MAX_MEMORY_BYTES, ...app });
    const marks = Buffer.from(WRITES_MEMORY.buffer.slice(0));
    await serve(await makeGuest(program), "/echo", TEXT);
    expect(marks.equals(Buffer.from(WRITES_MEMORY.buffer))).toBe(true);
  },
);

test("contract: guests that compute long go on without marks, and all of their memory is as at first", async () => {
  const program = await loadTracked("test/guests/probe");
  let guest = await makeGuest(program);
  const [first] = copies();
  // Requests until instances are made of other code: then another memory is made.
  for (let request = 0; memories.length < 2 && request < 1000; request++) {
    await serve(guest, "/spin?ms=1", "");
    guest = await makeGuest(program);
  }
  expect(memories).toHaveLength(2);
  const marks = Buffer.from(WRITES_MEMORY.buffer.slice(0));
  await serve(guest, "/echo", TEXT);
  expect(marks.equals(Buffer.from(WRITES_MEMORY.buffer))).toBe(true);
  expect(areAs([first!, first!])[1]).toBe(false);
  await makeGuest(program);
  expect(areAs([first!, first!])[1]).toBe(true);
  expect(memories).toHaveLength(2);
});
