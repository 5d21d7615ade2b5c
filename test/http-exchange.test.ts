import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  metric,
  startTestRuntime,
  urlOf,
  type Manifest,
  type TestRuntime,
} from "./harness.ts";
import { buildScriptedGuest, type Script } from "./scripted-guests.ts";
import { peakResidentBytes } from "./served-runtime.ts";

/*
 * Exchanges as a client sees them on its socket: what comes before the answer (1xx), and an answer that comes before
 * the request's end.
 */

const MIB = 1024 * 1024;
/** The largest request body that a cell passes on. */
const MAX_BODY_BYTES = 64 * MIB;
const KILOBYTE_HINT = { status: 103, headers: [["x-hint", "h".repeat(1000)]] } as const;

const temporary = makeTemporaryFolder();
let runtime: TestRuntime;

beforeAll(async () => {
  runtime = await startTestRuntime(
    [
      appManifest("probe", guestFile("probe")),
      await scripted("hints", {
        informational: [
          { status: 103, headers: [["link", "</a.css>; rel=preload"]] },
          {
            status: 103,
            headers: [
              ["link", "no such link"],
              ["x-hint", "1"],
              ["x-hint", "2"],
            ],
          },
          { status: 102 },
        ],
      }),
      await scripted("switches", { informational: [{ status: 101 }, { status: 200 }] }),
      await scripted("floods", { informational: [KILOBYTE_HINT], rounds: 20_000 }),
    ],
    join(temporary.path, "cache"),
  );
  await urlOf(runtime, "probe");
});

afterAll(async () => {
  await runtime.stop(0);
  temporary.remove();
});

test("1xx: what a guest sends ahead of its answer reaches the client, in order and unchanged", async () => {
  const answer = await sendRaw("hints", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const [first, second, third, final] = answer.split("\r\n\r\n");
  expect(first).toBe("HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload");
  expect(second).toBe("HTTP/1.1 103 Early Hints\r\nlink: no such link\r\nx-hint: 1\r\nx-hint: 2");
  expect(third).toBe("HTTP/1.1 102 Processing");
  expect(final).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test("1xx: a client of HTTP/1.0 gets the answer alone", async () => {
  expect(await sendRaw("hints", "GET / HTTP/1.0\r\nHost: a\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test("1xx: 101 and final statuses are refused to the guest, which answers nevertheless", async () => {
  const answer = await sendRaw("switches", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test("1xx: a client that does not read is sent a bounded part of a flood, counted, and the answer", async () => {
  const socket = await dial("floods");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  // Nothing is read until the guest has sent them all.
  while ((await metric(runtime, "wasmlet_limit_hits_total", 'app="floods",limit="informational"')) === undefined);
  const answer = await text(socket);
  expect(answer.split("HTTP/1.1 103 ").length - 1).toBeLessThan(20_000);
  expect(answer).toMatch(/\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*$/);
});

test("100-continue: the client is asked for the body, then answered", async () => {
  const socket = await dial("probe");
  socket.write(
    "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
  );
  const [first] = (await once(socket, "data")) as [Buffer];
  expect(first.toString()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  socket.write("body");
  expect(first.toString() + (await text(socket))).toMatch(/^HTTP\/1\.1 100 [^]*HTTP\/1\.1 200 OK\r\n[^]*body/);
});

test("contract: 100-continue: a body that is too large is refused before it is asked for", async () => {
  const length = `Content-Length: ${MAX_BODY_BYTES + 1}`;
  const answer = await sendRaw("probe", `POST /drain HTTP/1.1\r\nHost: a\r\n${length}\r\nExpect: 100-continue\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain("x-wasmlet-error: REQUEST_BODY_TOO_LARGE\r\n");
});

test("contract: a chunked body that grows too large is refused while it comes, and is never held", async () => {
  const [cell] = runtime.childPids().cells;
  const before = peakResidentBytes(cell!);
  const upload = await Upload.start("/drain");
  await upload.sendUntilAnswered();
  expect(await upload.answer).toMatch(/^HTTP\/1\.1 413 [^]*x-wasmlet-error: REQUEST_BODY_TOO_LARGE\r\n/);
  expect(upload.sentBytes).toBeGreaterThan(MAX_BODY_BYTES);
  expect(peakResidentBytes(cell!) - before).toBeLessThan(MAX_BODY_BYTES);
  expect(await metric(runtime, "wasmlet_limit_hits_total", 'app="probe",limit="request_body"')).toBe(1);
  expect((await get(`${await urlOf(runtime, "probe")}/hello`)).status).toBe(200);
});

test("contract: a body that the guest does not read stays with the client", async () => {
  const upload = await Upload.start("/sleep?ms=1000");
  await upload.sendUntilAnswered();
  expect(upload.sentBytes).toBeLessThan(MAX_BODY_BYTES / 2);
  upload.end();
  expect(await upload.answer).toMatch(/^HTTP\/1\.1 200 [^]*slept 1000 ms/);
});

/** A chunked body that goes on and on. */
class Upload {
  readonly answer: Promise<string>;
  readonly #socket: Socket;
  readonly #answered: Promise<unknown>;
  #isAnswered = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#answered = once(socket, "data").then(() => (this.#isAnswered = true));
    this.answer = received(socket);
  }

  static async start(target: string): Promise<Upload> {
    const socket = await dial("probe");
    socket.write(`POST ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`);
    return new Upload(socket);
  }

  /** What the other side's and this side's system took, without what waits in this process. */
  get sentBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  /** Sends as fast as it is taken, up to twice the limit, until the answer begins. */
  async sendUntilAnswered(): Promise<void> {
    const chunk = Buffer.concat([Buffer.from(`${MIB.toString(16)}\r\n`), Buffer.alloc(MIB), Buffer.from("\r\n")]);
    for (let sent = 0; !this.#isAnswered && sent < 2 * MAX_BODY_BYTES; sent += MIB) {
      if (!this.#socket.write(chunk)) await Promise.race([once(this.#socket, "drain"), this.#answered]);
    }
  }

  end(): void {
    this.#socket.end("0\r\n\r\n");
  }
}

async function scripted(name: string, script: Script): Promise<Manifest> {
  const file = join(temporary.path, `${name}.wasm`);
  writeFileSync(file, await buildScriptedGuest(script));
  return appManifest(name, file);
}

/** Connects to an app. */
async function dial(app: string): Promise<Socket> {
  const { hostname, port } = new URL(await urlOf(runtime, app));
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  return socket;
}

/** Sends bytes as they are and returns what comes back until the connection ends. */
async function sendRaw(app: string, bytes: string): Promise<string> {
  const socket = await dial(app);
  socket.write(bytes);
  return text(socket);
}

/** All that comes before the connection closes. A write that comes too late fails, which says nothing of the answer. */
async function received(socket: Socket): Promise<string> {
  let all = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => (all += chunk));
  socket.on("error", () => {});
  // Not `once` of node:events, which rejects at an error.
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return all;
}
