import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test, type TestContext } from "vitest";
import { WasmletError } from "../../common/errors.ts";
import type { Engine, Program } from "../../node-runtime/engine/engine.ts";
import { ENGINES } from "../../node-runtime/engine/engines.ts";
import { BytePipe } from "../../node-runtime/wasi/io/byte-pipe.ts";
import { EMPTY_POLL, TWO_MEMORIES } from "../odd-guests.ts";
import { GuestShelf, loadGuest, makeHost, MAX_MEMORY_BYTES, ManualClock, send } from "./test-bed.ts";

/*
 * What every engine promises, as one table over ENGINES. An engine that is added there passes all of it, or skips what
 * it does not load with the reason.
 */

const shelf = new GuestShelf();
const folder = mkdtempSync(join(tmpdir(), "wasmlet-conformance-data-"));
mkdirSync(join(folder, "inner"));
writeFileSync(join(folder, "note.txt"), "a note\n");

afterAll(() => {
  shelf.clear();
  rmSync(folder, { recursive: true, force: true });
});

const guestFile = (name: string): string => fileURLToPath(new URL(`../guests/${name}.wasm`, import.meta.url));

/** Returns the program, prepared for the engine, or skips the test when it does not load artifacts of this kind. */
async function load(context: TestContext, engine: Engine, file: string): Promise<Program> {
  const guest = await shelf.take(file, engine.name).catch((thrown: unknown) => {
    if (!(thrown instanceof WasmletError && thrown.code === "ARTIFACT_NOT_OFFERED")) throw thrown;
    return context.skip(`${engine.name} does not load it: ${thrown.message}`);
  });
  const { kind, engine: prepared } = guest.artifact;
  context.skip(prepared !== engine.name, `${engine.name} does not load a ${kind}: ${prepared} does`);
  return loadGuest(engine, guest);
}

/** One behaviour of the guest `command`, the same through every way to run it. */
interface CommandCase {
  does: string;
  args: string[];
  input?: string;
  env?: [string, string][];
  exitCode: number;
  stdout: string;
  stderr?: string;
}

const COMMAND_CASES: CommandCase[] = [
  { does: "prints", args: ["hello"], exitCode: 0, stdout: "Hello from command\n" },
  { does: "sees its arguments", args: ["args", "", "ü b"], exitCode: 0, stdout: "guest\nargs\n\nü b\n" },
  { does: "sees its environment", args: ["env"], env: [["A", "1=2"]], exitCode: 0, stdout: "A=1=2\n" },
  { does: "sees no environment but its own", args: ["env"], exitCode: 0, stdout: "" },
  { does: "copies its input", args: ["cat"], input: "x".repeat(200_000), exitCode: 0, stdout: "x".repeat(200_000) },
  { does: "writes to stderr", args: ["eprint", "oh"], exitCode: 0, stdout: "", stderr: "oh\n" },
  { does: "exits with 0", args: ["exit", "0"], exitCode: 0, stdout: "" },
  { does: "exits with a code", args: ["exit", "77"], exitCode: 77, stdout: "" },
  {
    does: "fails with 1",
    args: ["nonsense"],
    exitCode: 1,
    stdout: "",
    stderr: "error: InvalidInput (no such subcommand: nonsense)\n",
  },
  { does: "grows its memory within the limit", args: ["alloc", "8"], exitCode: 0, stdout: "ok\n" },
  { does: "is refused memory past the limit", args: ["alloc", "64"], exitCode: 0, stdout: "failed\n" },
  { does: "reads a file", args: ["read", "/data/note.txt"], exitCode: 0, stdout: "a note\n" },
  { does: "lists a folder", args: ["list", "/data"], exitCode: 0, stdout: "inner\nnote.txt\n" },
];

/** One request to the guest `probe`. */
interface HttpCase {
  path: string;
  does: string;
  method?: string;
  body?: string;
  expected: { status: number; headers?: [string, string][]; body?: string };
}

const PLAIN_TEXT: [string, string] = ["content-type", "text/plain; charset=utf-8"];

const HTTP_CASES: HttpCase[] = [
  { path: "/hello", does: "answers", expected: { status: 200, headers: [PLAIN_TEXT], body: "Hello from probe\n" } },
  { path: "/status?code=418", does: "sets its status", expected: { status: 418, body: "" } },
  {
    path: "/method?x=%20",
    does: "sees the request line",
    method: "PURGE",
    expected: {
      status: 200,
      body: "method: PURGE\nauthority: app.test\nscheme: http\npath: /method?x=%20\n",
    },
  },
  { path: "/headers", does: "sees the headers", expected: { status: 200, body: "x-case: conformance\n" } },
  {
    path: "/set-headers",
    does: "keeps two headers of one name two",
    expected: {
      status: 200,
      headers: [PLAIN_TEXT, ["set-cookie", "a=1; Path=/"], ["set-cookie", "b=2; Path=/"], ["x-probe", "yes"]],
    },
  },
  {
    path: "/echo",
    does: "passes a body larger than any buffer through",
    method: "POST",
    body: "0123456789".repeat(50_000),
    expected: { status: 200, body: "0123456789".repeat(50_000) },
  },
  { path: "/preopens", does: "sees no folder", expected: { status: 200, body: "" } },
  {
    path: "/fetch?url=http://127.0.0.1:9/",
    does: "reaches no host",
    expected: { status: 200, body: "error: ErrorCode::DestinationIpProhibited\n" },
  },
];

/** The same program against WASI 0.2, preview 1 and WASI 0.3. */
const COMMANDS = ["command", "command-p1", "command-p3"];

/** The same server against WASI 0.2 and 0.3. */
const SERVERS = ["probe", "probe-p3"];

describe.each(Object.values(ENGINES))("engine $name", (engine) => {
  describe.each(COMMANDS)("command: %s", (guest) => {
    test.for(COMMAND_CASES)("$does", async ({ args, input, env, exitCode, stdout, stderr = "" }, context) => {
      const program = await load(context, engine, guestFile(guest));
      const preopens = [{ guestPath: "/data", hostPath: folder, writable: false }];
      const bed = makeHost({ args, preopens, ...(env && { env }), ...(input !== undefined && { input }) });
      const instance = await program.instantiate(bed.host);
      expect(await instance.run!()).toBe(exitCode);
      expect([bed.stdout.text, bed.stderr.text]).toEqual([stdout, stderr]);
    });

    test("a trap rejects, and the next instance runs", async (context) => {
      const program = await load(context, engine, guestFile(guest));
      const trapping = await program.instantiate(makeHost({ args: ["trap"] }).host);
      await expect(trapping.run!()).rejects.toThrow(/unreachable/);
      const next = await program.instantiate(makeHost({ args: ["hello"] }).host);
      expect(await next.run!()).toBe(0);
    });

    test("instances that wait do not hold up one another", async (context) => {
      const program = await load(context, engine, guestFile(guest));
      const clock = new ManualClock();
      const instances = await Promise.all(
        Array.from({ length: 20 }, async () => program.instantiate(makeHost({ args: ["sleep", "300"], clock }).host)),
      );
      const runs = Promise.all(instances.map((instance) => instance.run!()));
      await clock.untilWaiting(20);
      clock.advance(300);
      expect(await runs).toEqual(Array.from({ length: 20 }, () => 0));
    });

    test("of guests that are woken together, each has the thread while it runs, and no other", async (context) => {
      const isVague = engine.name === "jco";
      context.skip(isVague, "jco's glue runs a guest some steps after its wait ended: nobody can tell when");
      const program = await load(context, engine, guestFile(guest));
      const inputs = [new BytePipe(), new BytePipe(), new BytePipe()];
      let running: number | undefined;
      const seen: [guest: number, running: number | undefined][] = [];
      const runs = inputs.map(async (stdin, index) => {
        const stdout = new BytePipe();
        const write = stdout.write.bind(stdout);
        stdout.write = (bytes) => {
          seen.push([index, running]);
          write(bytes);
          stdout.take(bytes.length);
        };
        const activity = {
          deadlineMs: Infinity,
          waitDeadlineMs: Infinity,
          resume: () => void (running = index),
          suspend: () => void (running = running === index ? undefined : running),
          expect() {},
          pausable() {},
        };
        const { host } = makeHost({ args: ["cat"], stdin, stdout, activity });
        const instance = await program.instantiate(host);
        activity.resume();
        return instance.run!().finally(activity.suspend);
      });
      await turns(3);
      for (const input of inputs) input.write(Buffer.from("woken"));
      await turns(3);
      for (const input of inputs) input.end();
      expect(await Promise.all(runs)).toEqual([0, 0, 0]);
      expect(seen.length).toBeGreaterThanOrEqual(3);
      for (const [writer, had] of seen) expect(had).toBe(writer);
    });

    test("closing the host ends a guest that waits", async (context) => {
      const program = await load(context, engine, guestFile(guest));
      const clock = new ManualClock();
      const { host } = makeHost({ args: ["sleep", "300"], clock });
      const run = (await program.instantiate(host)).run!();
      const ended = expect(run).rejects.toThrow("the test is over");
      await clock.untilWaiting(1);
      host.close("the test is over");
      await ended;
    });

    test("an instance says how much memory it has, within the limit", async (context) => {
      const program = await load(context, engine, guestFile(guest));
      const instance = await program.instantiate(makeHost({ args: ["alloc", "8"] }).host);
      const before = instance.memoryBytes();
      await instance.run!();
      expect(before).toBeGreaterThan(0);
      expect(instance.memoryBytes()).toBeGreaterThanOrEqual(before + 8 * 1024 * 1024);
      expect(instance.memoryBytes()).toBeLessThanOrEqual(MAX_MEMORY_BYTES);
    });

    test("a command serves no requests", async (context) => {
      const program = await load(context, engine, guestFile(guest));
      expect(await program.instantiate(makeHost().host)).not.toHaveProperty("handle");
    });
  });

  describe.each(SERVERS)("http: %s", (guest) => {
    test.for(HTTP_CASES)("$path: $does", async ({ path, method, body, expected }, context) => {
      const program = await load(context, engine, guestFile(guest));
      const bed = makeHost();
      const instance = await program.instantiate(bed.host);
      const { handled, answer } = send(bed, instance, { path, ...(method && { method }), ...(body && { body }) });
      const [{ status, headers, body: text }] = await Promise.all([answer, handled]);
      expect({ status, headers, body: text }).toMatchObject(expected);
    });

    test("a pristine instance starts from scratch; one that is kept goes on", async (context) => {
      const program = await load(context, engine, guestFile(guest));
      const counts: string[] = [];
      for (const requests of [2, 1]) {
        const bed = makeHost();
        const instance = await program.instantiate(bed.host);
        for (let request = 0; request < requests; request++) {
          const { handled, answer } = send(bed, instance, { path: "/count" });
          counts.push((await answer).body);
          await handled;
        }
      }
      expect(counts).toEqual(["1\n", "2\n", "1\n"]);
    });

    test("/trap-before: the trap rejects", async (context) => {
      const program = await load(context, engine, guestFile(guest));
      const bed = makeHost();
      const { handled, isAnswered } = send(bed, await program.instantiate(bed.host), { path: "/trap-before" });
      await expect(handled).rejects.toThrow(/unreachable/);
      expect(isAnswered()).toBe(false);
    });
  });

  // A guest of WASI 0.3 answers by returning: it cannot return without, or trap in that call after.
  test("http: a component of a Spin application has its variables, in both interfaces", async (context) => {
    const program = await load(context, engine, guestFile("variables"));
    const values = new Map([["key", "v\u00e4lue"]]);
    const bed = makeHost({
      variables: { component: "web", values, nameProblem: (name) => (name === "Bad" ? "no" : undefined) },
    });
    const instance = await program.instantiate(bed.host);
    const { answer } = send(bed, instance, { path: "/?get=key&get=Bad&get=other&config=key&config=other&all" });
    expect((await answer).body.split("\n")).toEqual([
      'get=key: "v\u00e4lue"',
      'get=Bad: error Error::InvalidName("\\"Bad\\": no")',
      'get=other: error Error::Undefined("no variable for \\"web\\".\\"other\\"")',
      'config=key: Some("v\u00e4lue")',
      "config=other: None",
      'all: [("key", "v\u00e4lue")]',
      "",
    ]);
  });

  describe("http: probe, response-outparam", () => {
    test("a guest that never answers returns without having answered", async (context) => {
      const program = await load(context, engine, guestFile("probe"));
      const bed = makeHost();
      const { handled, isAnswered } = send(bed, await program.instantiate(bed.host), { path: "/never" });
      await handled;
      expect(isAnswered()).toBe(false);
    });

    test("/trap-after: the trap rejects, and the answer stands", async (context) => {
      const program = await load(context, engine, guestFile("probe"));
      const bed = makeHost();
      const { handled, isAnswered } = send(bed, await program.instantiate(bed.host), { path: "/trap-after" });
      await expect(handled).rejects.toThrow(/unreachable/);
      expect(isAnswered()).toBe(true);
    });
  });

  test.for(Object.entries(TWO_MEMORIES))(
    "all memories together stay within the limit: %s",
    async ([, wat], context) => {
      const program = await load(context, engine, shelf.keep(await parse(wat)));
      const instance = await program.instantiate(makeHost().host);
      expect(await instance.run!()).toBe(0);
      expect(instance.memoryBytes()).toBe(MAX_MEMORY_BYTES);
    },
  );

  test("a wait that the guest may not ask for traps: poll of an empty list", async (context) => {
    const program = await load(context, engine, shelf.keep(await parse(EMPTY_POLL.command)));
    const instance = await program.instantiate(makeHost().host);
    await expect(instance.run!()).rejects.toThrow("poll: the list of pollables must not be empty");
  });

  test.for([
    { kind: "core-module", wat: `(module (func $f unreachable) (start $f) (func (export "_start")))` },
    {
      kind: "component",
      wat: `(component (core module $m (func $f unreachable) (start $f)) (core instance (instantiate $m)))`,
    },
  ])("a start function that traps is GUEST_START_TRAPPED: $kind", async ({ wat }, context) => {
    const program = await load(context, engine, shelf.keep(await parse(wat)));
    await expect((async () => program.instantiate(makeHost().host))()).rejects.toMatchObject({
      code: "GUEST_START_TRAPPED",
    });
  });
});

/** Lets the event loop do what is due. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resume) => setImmediate(resume));
}
