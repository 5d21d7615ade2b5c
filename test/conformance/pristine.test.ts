import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, expect, test } from "vitest";
import { ENGINES } from "../../node-runtime/engine/engines.ts";
import type { Program } from "../../node-runtime/engine/engine.ts";
import { GuestShelf, loadGuest, makeHost, send } from "./test-bed.ts";

/* What the lean engine promises of an instance that it hands out again. */

const SECRET = "a secret of the request before; ".repeat(4);
const PROBE = fileURLToPath(new URL("../guests/probe.wasm", import.meta.url));

const shelf = new GuestShelf();
const { Memory } = WebAssembly;
/** Every memory that an engine made. */
const memories: WebAssembly.Memory[] = [];
let program: Program;

WebAssembly.Memory = class extends Memory {
  constructor(descriptor: ConstructorParameters<typeof Memory>[0]) {
    super(descriptor);
    memories.push(this);
  }
};

beforeEach(async () => {
  memories.length = 0;
  program = loadGuest(ENGINES.lean, await shelf.take(PROBE, "lean"));
});

afterAll(() => {
  WebAssembly.Memory = Memory;
  shelf.clear();
});

/** Sends one request to a pristine instance, which is given back; returns the answer's body. */
async function request(path: string, body = ""): Promise<string> {
  const bed = makeHost();
  const instance = await program.instantiate(bed.host);
  const { handled, answer } = send(bed, instance, { path, method: "POST", body });
  const [text] = await Promise.all([answer.then((answered) => answered.body), handled]);
  bed.host.close();
  instance.release!();
  return text;
}

function holdsSecret(memory: WebAssembly.Memory): boolean {
  return Buffer.from(memory.buffer).includes(SECRET);
}

test("contract: nothing of a request is left in the memory that the next one gets", async () => {
  expect(await request("/echo", SECRET)).toBe(SECRET);
  expect(memories.map(holdsSecret)).toEqual([true]);
  const bed = makeHost();
  await program.instantiate(bed.host);
  expect(memories.map(holdsSecret)).toEqual([false]);
});

test("contract: nothing is left beyond the size that the memory had at first, and the next one begins at that size", async () => {
  expect(await request("/alloc?mib=4")).toMatch(/^ok/);
  expect(await request("/echo", SECRET.repeat(20_000))).toHaveLength(SECRET.length * 20_000);
  expect(holdsSecret(memories[0]!)).toBe(true);
  await program.instantiate(makeHost().host);
  expect(memories.map(holdsSecret)).toEqual([false]);
  expect(await request("/count")).toBe("1\n");
});

test("contract: the memory of a guest that trapped is never handed out again", async () => {
  const bed = makeHost();
  const instance = await program.instantiate(bed.host);
  await expect(send(bed, instance, { path: "/trap-before" }).handled).rejects.toThrow(/unreachable/);
  instance.release!();
  expect(await request("/hello")).toBe("Hello from probe\n");
  expect(memories).toHaveLength(2);
});

test("contract: an instance that is within a call is not handed out again", async () => {
  const bed = makeHost();
  const instance = await program.instantiate(bed.host);
  const { handled } = send(bed, instance, { path: "/sleep?ms=3600000" });
  bed.host.close("the client left");
  instance.release!();
  await expect(handled).rejects.toThrow("the client left");
  expect(await request("/hello")).toBe("Hello from probe\n");
  expect(memories).toHaveLength(2);
});
