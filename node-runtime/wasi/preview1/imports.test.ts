import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import fc from "fast-check";
import { expect, test } from "vitest";
import { GuestExit, HostClosedError } from "../errors.ts";
import { ERRNO } from "./errno.ts";
import { createPreview1Imports } from "./imports.ts";
import { makeGuestWithFolder, settle, TestGuest, type GuestOptions } from "./test-guest.ts";

/** All functions of preview 1, with the wasm types of their parameters: i for i32, I for i64. */
const SIGNATURES = {
  args_get: "ii",
  args_sizes_get: "ii",
  clock_res_get: "ii",
  clock_time_get: "iIi",
  environ_get: "ii",
  environ_sizes_get: "ii",
  fd_advise: "iIIi",
  fd_allocate: "iII",
  fd_close: "i",
  fd_datasync: "i",
  fd_fdstat_get: "ii",
  fd_fdstat_set_flags: "ii",
  fd_fdstat_set_rights: "iII",
  fd_filestat_get: "ii",
  fd_filestat_set_size: "iI",
  fd_filestat_set_times: "iIIi",
  fd_pread: "iiiIi",
  fd_prestat_dir_name: "iii",
  fd_prestat_get: "ii",
  fd_pwrite: "iiiIi",
  fd_read: "iiii",
  fd_readdir: "iiiIi",
  fd_renumber: "ii",
  fd_seek: "iIii",
  fd_sync: "i",
  fd_tell: "ii",
  fd_write: "iiii",
  path_create_directory: "iii",
  path_filestat_get: "iiiii",
  path_filestat_set_times: "iiiiIIi",
  path_link: "iiiiiii",
  path_open: "iiiiiIIii",
  path_readlink: "iiiiii",
  path_remove_directory: "iii",
  path_rename: "iiiiii",
  path_symlink: "iiiii",
  path_unlink_file: "iii",
  poll_oneoff: "iiii",
  proc_exit: "i",
  proc_raise: "i",
  random_get: "ii",
  sched_yield: "",
  sock_accept: "iii",
  sock_recv: "iiiiii",
  sock_send: "iiiii",
  sock_shutdown: "ii",
} as const;

/** A module that imports one function, has a page of memory, and calls the function from `_start`. */
function callerOf(name: keyof typeof SIGNATURES, args: string, data = ""): string {
  const params = SIGNATURES[name]
    .split("")
    .map((kind) => (kind === "i" ? "i32" : "i64"))
    .join(" ");
  const [result, after] = name === "proc_exit" ? ["", ""] : ["(result i32)", "(global.set $errno)"];
  return `(module
    (import "wasi_snapshot_preview1" "${name}" (func $f (param ${params}) ${result}))
    (memory (export "memory") 1)
    (global $errno (export "errno") (mut i32) (i32.const -1))
    ${data}
    (func (export "_start") ${args} (call $f) ${after}))`;
}

/** Instantiates a core module as the engine does. */
function instantiate(guest: TestGuest, bytes: Uint8Array): WebAssembly.Instance {
  let instance: WebAssembly.Instance | undefined;
  const { imports, waiting } = createPreview1Imports(
    guest.host,
    () => instance!.exports["memory"] as WebAssembly.Memory,
  );
  const wrapped = Object.entries(imports).map(([name, body]) => [
    name,
    waiting.includes(name) ? new WebAssembly.Suspending(body) : body,
  ]);
  const module = new WebAssembly.Module(bytes);
  instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: Object.fromEntries(wrapped) });
  return instance;
}

async function start(instance: WebAssembly.Instance): Promise<void> {
  await WebAssembly.promising(instance.exports["_start"])();
}

test("contract: preview 1 is offered whole, with parameters in number as specified", () => {
  const { imports } = createPreview1Imports(new TestGuest().host, () => ({ buffer: new ArrayBuffer(0) }));
  expect(Object.keys(imports).toSorted()).toEqual(Object.keys(SIGNATURES));
  expect(Object.keys(SIGNATURES)).toHaveLength(46);
});

test("contract: a function that is not in the waiting list never returns a promise", async () => {
  const { guest } = makeGuestWithFolder();
  const { waiting } = createPreview1Imports(guest.host, () => guest.memory);
  const others = Object.entries(SIGNATURES).filter(([name]) => name !== "proc_exit" && !waiting.includes(name));
  expect(others).toHaveLength(46 - 1 - waiting.length);
  for (const [name, kinds] of others) {
    expect(guest.start(name, ...kinds.split("").map((kind) => (kind === "i" ? 3 : 3n)))).toBeTypeOf("number");
  }
});

test("contract: whatever a guest passes, it gets an errno and the host lives on", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "a"), "content");
  guest.stdin.write(Buffer.from("input"));
  guest.stdin.end();
  const word = fc.oneof(
    fc.integer({ min: 0, max: 16 }),
    fc.integer({ min: 0, max: 65_600 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  );
  const long = fc.oneof(fc.bigInt({ min: -4n, max: 64n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
  const names = Object.keys(SIGNATURES).filter((name) => name !== "proc_exit") as Array<keyof typeof SIGNATURES>;
  const call = fc
    .constantFrom(...names)
    .chain((name) =>
      fc.tuple(fc.constant(name), fc.tuple(...SIGNATURES[name].split("").map((kind) => (kind === "i" ? word : long)))),
    );
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 20 }), fc.uint8Array({ maxLength: 256 }), async (calls, contents) => {
      guest.put(0, contents);
      for (const [name, args] of calls) {
        guest.clock.advance(2n ** 63n); // so that no timeout, however long, is waited for
        const pending = guest.start(name, ...args);
        guest.stdout.take(65_536);
        const ticking = name === "poll_oneoff" ? setInterval(() => guest.clock.advance(2n ** 65n), 0) : undefined;
        const errno = await pending;
        clearInterval(ticking);
        expect(errno).toBeGreaterThanOrEqual(0);
        expect(errno).toBeLessThan(77);
      }
    }),
    { numRuns: 300 },
  );
});

test("module: writes to standard output through its own exported memory", async () => {
  const guest = new TestGuest();
  const data = String.raw`(data (i32.const 0) "\10\00\00\00\06\00\00\00") (data (i32.const 16) "hello\n")`;
  const args = "(i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)";
  const instance = instantiate(guest, await parse(callerOf("fd_write", args, data)));
  await start(instance);
  expect((instance.exports["errno"] as WebAssembly.Global).value).toBe(ERRNO.SUCCESS);
  expect(Buffer.from(guest.stdout.take(100)!).toString()).toBe("hello\n");
});

test("module: a guest that waits for input is suspended, and resumed with it", async () => {
  const guest = new TestGuest();
  const data = String.raw`(data (i32.const 0) "\10\00\00\00\20\00\00\00")`;
  const args = "(i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)";
  const instance = instantiate(guest, await parse(callerOf("fd_read", args, data)));
  const running = start(instance);
  await settle();
  guest.stdin.write(Buffer.from("late"));
  await running;
  const { buffer } = instance.exports["memory"] as WebAssembly.Memory;
  expect(Buffer.from(buffer, 16, 4).toString()).toBe("late");
});

test("module: proc_exit ends it with the full code, through all its frames", async () => {
  const instance = instantiate(new TestGuest(), await parse(callerOf("proc_exit", "(i32.const 300)")));
  await expect(start(instance)).rejects.toThrow(expect.objectContaining({ name: "GuestExit", code: 300 }));
});

test("module: one that sleeps for ever traps when its host closes", async () => {
  const guest = new TestGuest();
  const data = String.raw`(data (i32.const 16) "\01") (data (i32.const 27) "\ff\ff")`;
  const args = "(i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)";
  const running = start(instantiate(guest, await parse(callerOf("poll_oneoff", args, data))));
  await settle();
  guest.scope.close();
  await expect(running).rejects.toBeInstanceOf(HostClosedError);
});

const COMMAND = new URL("../../../test/guests/command-p1.wasm", import.meta.url);

function textOf(pipe: TestGuest["stdout"]): string {
  pipe.end();
  const chunks: Uint8Array[] = [];
  for (let chunk = pipe.take(65_536); chunk; chunk = pipe.take(65_536)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Runs the test command; returns its exit code and what it printed. */
async function runCommand(guest: TestGuest): Promise<{ code: number; stdout: string; stderr: string }> {
  let code = 0;
  try {
    await start(instantiate(guest, readFileSync(COMMAND)));
  } catch (thrown) {
    if (!(thrown instanceof GuestExit)) throw thrown;
    ({ code } = thrown);
  }
  return { code, stdout: textOf(guest.stdout), stderr: textOf(guest.stderr) };
}

function makeCommand(args: string[], options: GuestOptions = {}): TestGuest {
  return new TestGuest({ args: ["command", ...args], ...options });
}

test.each([
  [["hello"], "Hello from command\n"],
  [["args", "a", "b c"], "command\nargs\na\nb c\n"],
  [["env"], "NAME=ä=b\n"],
])("command: %j prints what a real Rust program gets from its runtime", async (args, stdout) => {
  const result = await runCommand(makeCommand(args, { env: [["NAME", "ä=b"]] }));
  expect(result).toEqual({ code: 0, stdout, stderr: "" });
});

test("command: the exit code is the guest's own", async () => {
  expect((await runCommand(makeCommand(["exit", "77"]))).code).toBe(77);
});

test("command: cat copies standard input that arrives late", async () => {
  const guest = makeCommand(["cat"]);
  const running = runCommand(guest);
  for (const part of ["first ", "second"]) {
    await settle();
    guest.stdin.write(Buffer.from(part));
  }
  guest.stdin.end();
  expect(await running).toEqual({ code: 0, stdout: "first second", stderr: "" });
});

test("command: a trap is no exit code", async () => {
  await expect(runCommand(makeCommand(["trap"]))).rejects.toBeInstanceOf(WebAssembly.RuntimeError);
});

test("command: files of a preopen are written, listed and read; others do not exist for it", async () => {
  const { folder } = makeGuestWithFolder();
  const preopens = [{ guestPath: "/data", hostPath: folder, writable: true }];
  const runWithFiles = (...args: string[]): ReturnType<typeof runCommand> =>
    runCommand(makeCommand(args, { preopens }));
  expect((await runWithFiles("write", "/data/note", "some text")).code).toBe(0);
  expect(readFileSync(join(folder, "note"), "utf8")).toBe("some text");
  expect(await runWithFiles("list", "/data")).toEqual({ code: 0, stdout: "note\n", stderr: "" });
  expect(await runWithFiles("read", "/data/note")).toEqual({ code: 0, stdout: "some text", stderr: "" });
  for (const path of ["/etc/passwd", "/data/../../etc/passwd", "/data/missing"]) {
    const { code, stdout } = await runWithFiles("read", path);
    expect([code, stdout]).toEqual([1, ""]);
  }
  expect(existsSync("/etc/passwd")).toBe(true);
});
