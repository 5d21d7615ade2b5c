import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { ENGINES } from "../../node-runtime/engine/engines.ts";
import type { Program } from "../../node-runtime/engine/engine.ts";
import { EPOCH_MEMORY } from "../../node-runtime/engine/epoch.ts";
import { WatchedSlots } from "../../node-runtime/engine/epoch-slots.ts";
import { UNOBSERVED } from "../../node-runtime/wasi/host.ts";
import { BytePipe } from "../../node-runtime/wasi/io/byte-pipe.ts";
import { EgressPolicy } from "../../node-runtime/wasi/sockets/egress.ts";
import { GuestShelf, loadGuest, makeHost, ManualClock, send } from "./test-bed.ts";

/* What WASI 0.3 adds to the cases that all versions of WASI share (engines.test.ts). */

const shelf = new GuestShelf();
const folder = mkdtempSync(join(tmpdir(), "wasmlet-p3-data-"));
const preopens = [{ guestPath: "/data", hostPath: folder, writable: true }];

afterAll(() => {
  shelf.clear();
  rmSync(folder, { recursive: true, force: true });
});

async function load(guest: string): Promise<Program> {
  const prepared = await shelf.take(fileURLToPath(new URL(`../guests/${guest}.wasm`, import.meta.url)));
  return loadGuest(ENGINES[prepared.artifact.engine], prepared);
}

/** Runs `command-p3` to its end. */
async function run(
  args: string[],
  options: Omit<NonNullable<Parameters<typeof makeHost>[0]>, "args"> = {},
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const program = await load("command-p3");
  const bed = makeHost({ args, preopens, ...options });
  const exitCode = await (await program.instantiate(bed.host)).run!();
  return { exitCode, stdout: bed.stdout.text, stderr: bed.stderr.text };
}

describe("WASI 0.3 command", () => {
  test("a program may import WASI 0.2 and 0.3 at once: both reach the one host", async () => {
    const program = await load("mixed-p3");
    const bed = makeHost();
    expect(await (await program.instantiate(bed.host)).run!()).toBe(0);
    expect(bed.stdout.text).toBe("Hello from WASI 0.2\nHello from WASI 0.3\n");
  });

  test("a wait in WASI 0.2 inside a task of WASI 0.3 holds up nobody", async () => {
    const program = await load("mixed-p3");
    const clock = new ManualClock();
    const runs = Promise.all(
      [0, 1, 2].map(async () => (await program.instantiate(makeHost({ args: ["sleep"], clock }).host)).run!()),
    );
    await clock.untilWaiting(3);
    clock.advance(50);
    expect(await runs).toEqual([0, 0, 0]);
  });

  test("a file written through a stream is there, with its size and type", async () => {
    expect(await run(["write", "/data/new.txt", "über"])).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(folder, "new.txt"), "utf8")).toBe("über");
    expect((await run(["stat", "/data/new.txt"])).stdout).toBe("file 5 bytes\n");
    expect((await run(["list", "/data"])).stdout).toBe("new.txt\n");
  });

  test.each([
    { path: "/data/missing", error: "NoEntry" },
    { path: "/data/../../etc/hostname", error: "NotPermitted" },
  ])("reading $path is $error", async ({ path, error }) => {
    const { exitCode, stderr } = await run(["read", path]);
    expect([exitCode, stderr]).toEqual([1, `error: ErrorCode::${error}\n`]);
  });

  test("TCP goes where the allow-list says, and nowhere else", async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const allowed = await run(["tcp", address, "over tcp"], { egress: EgressPolicy.parse([address]) });
    expect(allowed).toEqual({ exitCode: 0, stdout: "over tcp", stderr: "" });
    expect((await run(["tcp", address, "over tcp"])).stderr).toBe("error: ErrorCode::AccessDenied\n");
    server.close();
  });

  test("UDP goes where the allow-list says, and nowhere else", async () => {
    const server = createSocket("udp4", (data, from) => server.send(data, from.port, from.address));
    server.bind(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${server.address().port}`;
    const allowed = await run(["udp", address, "over udp"], { egress: EgressPolicy.parse([address]) });
    expect(allowed).toEqual({ exitCode: 0, stdout: "over udp", stderr: "" });
    expect((await run(["udp", address, "over udp"])).stderr).toBe("error: ErrorCode::AccessDenied\n");
    server.close();
  });

  test("an address stands for itself; a name that is not allowed is not looked up", async () => {
    expect((await run(["resolve", "127.0.0.1"])).stdout).toBe("127.0.0.1\n");
    expect((await run(["resolve", "host.test"])).stderr).toBe("error: ErrorCode::AccessDenied\n");
  });

  test("output waits for its reader, however long: that is no deadlock", async () => {
    const program = await load("command-p3");
    const stdout = new BytePipe(1024);
    const { host } = makeHost({ args: ["print", "300000"], stdout });
    const ended = (await program.instantiate(host)).run!();
    let bytes = 0;
    for (let idleTurns = 0; idleTurns < 200; idleTurns++) {
      await new Promise<void>((resume) => setImmediate(resume));
      const chunk = bytes === 0 && idleTurns < 100 ? undefined : stdout.take(65_536);
      if (chunk) [bytes, idleTurns] = [bytes + chunk.length, 0];
    }
    expect(await ended).toBe(0);
    expect(bytes).toBe(300_000);
  });
});

describe("WASI 0.3 handler", () => {
  test("a trap in the middle of the response fails its body and the call", async () => {
    const program = await load("probe-p3");
    const bed = makeHost();
    const { handled, answer } = send(bed, await program.instantiate(bed.host), { path: "/trap-during" });
    answer.catch(() => {});
    await expect(handled).rejects.toThrow(/unreachable/);
    await expect(answer).rejects.toThrow(/HTTP-response-incomplete/);
  });

  test("an error that it returns is the answer", async () => {
    const program = await load("probe-p3");
    const bed = makeHost();
    const { answer } = send(bed, await program.instantiate(bed.host), { path: "/error?kind=connection-refused" });
    await expect(answer).rejects.toThrow("answered with the error connection-refused");
  });

  test("closing the host ends a handler that waits for ever", async () => {
    const program = await load("probe-p3");
    const bed = makeHost();
    const { handled, isAnswered } = send(bed, await program.instantiate(bed.host), { path: "/never" });
    bed.host.close("the test is over");
    await expect(handled).rejects.toThrow("the test is over");
    expect(isAnswered()).toBe(false);
  });

  test("contract: one that is woken past its deadline is stopped where it goes on, and its neighbour is not", async () => {
    const program = await load("probe-p3");
    const clock = new ManualClock();
    const [hasty, patient] = await Promise.all(
      [100, 900].map(async (deadlineMs) => {
        const bed = makeHost({ clock, activity: { ...UNOBSERVED, deadlineMs, waitDeadlineMs: deadlineMs } });
        const exchange = send(bed, await program.instantiate(bed.host), { path: "/sleep?ms=300" });
        return { exchange, scope: bed.host.scope };
      }),
    );
    await clock.untilWaiting(2);
    new WatchedSlots(EPOCH_MEMORY.buffer as unknown as SharedArrayBuffer).stopOverdue(300);
    clock.advance(300);
    await expect(hasty!.exchange.handled).rejects.toThrow(/unreachable/);
    expect([hasty!.exchange.isAnswered(), hasty!.scope.closed]).toEqual([false, false]);
    expect((await patient!.exchange.answer).body).toBe("slept 300 ms\n");
  });

  test.each(["/echo", "/pass"])("%s: a body goes through, larger than any buffer", async (path) => {
    const program = await load("probe-p3");
    const bed = makeHost();
    const body = "0123456789".repeat(50_000);
    const { answer } = send(bed, await program.instantiate(bed.host), { path, method: "POST", body });
    expect((await answer).body).toBe(body);
  });

  test("handlers that sleep do not hold up one another", async () => {
    const program = await load("probe-p3");
    const clock = new ManualClock();
    const exchanges = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const bed = makeHost({ clock });
        return send(bed, await program.instantiate(bed.host), { path: "/sleep?ms=300" });
      }),
    );
    await clock.untilWaiting(20);
    clock.advance(300);
    for (const { answer } of exchanges) expect((await answer).body).toBe("slept 300 ms\n");
  });
});
