import { createHash, randomBytes } from "node:crypto";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { getDirect, KEPT_BYTES, type DirectResponse } from "./direct-get.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Starts a server that does this with each connection once a request came; returns the URL of something on it. */
async function serve(answer: (socket: Socket, request: string) => unknown): Promise<URL> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (request: Buffer) => answer(socket, request.toString("latin1")));
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/a/blobs/x?y=1`);
}

function get(url: URL, headers: Record<string, string> = {}, signal?: AbortSignal) {
  return getDirect(url, headers, { tls: {}, connectTimeoutMs: 10_000, silenceTimeoutMs: 10_000, signal });
}

async function bytesOf(response: DirectResponse | undefined): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of response!.body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function headOf(length: number): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nX-A: 1\r\nx-a: 2\r\n\r\n`;
}

describe("direct get", () => {
  test("sends what it should, and reads head and body", async () => {
    const asked: string[] = [];
    const url = await serve((socket, request) => {
      asked.push(request);
      socket.end(`HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n${headOf(5)}hello`);
    });
    const response = await get(url, { authorization: "Bearer t" });
    expect(response).toMatchObject({ status: 200, contentLength: 5 });
    expect(response?.headers.get("x-a")).toEqual(["1", "2"]);
    expect((await bytesOf(response)).toString()).toBe("hello");
    expect(asked[0]).toBe(
      `GET /v2/a/blobs/x?y=1 HTTP/1.1\r\nhost: ${url.host}\r\nconnection: close\r\nauthorization: Bearer t\r\n\r\n`,
    );
  });

  test("a body without a length ends with the connection, and what is behind a length is not part of it", async () => {
    const open = await serve((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nhello"));
    expect((await bytesOf(await get(open))).toString()).toBe("hello");
    const long = await serve((socket) => socket.end(`${headOf(3)}hello`));
    expect((await bytesOf(await get(long))).toString()).toBe("hel");
  });

  test("a body that is framed in another way is left to others", async () => {
    const url = await serve((socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"));
    expect(await get(url)).toBeUndefined();
  });

  test.each([
    ["not HTTP", "220 ftp\r\n\r\n", "OCI_RESPONSE_INVALID"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "OCI_RESPONSE_INVALID"],
    ["a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "OCI_RESPONSE_INVALID"],
    ["a folded header", "HTTP/1.1 200 OK\r\na: 1\r\n b\r\n\r\n", "OCI_RESPONSE_INVALID"],
    ["a head that does not end", `HTTP/1.1 200 OK\r\na: ${"x".repeat(300_000)}`, "OCI_RESPONSE_INVALID"],
    ["too many headers", `HTTP/1.1 200 OK\r\n${"a: 1\r\n".repeat(1000)}\r\n`, "OCI_RESPONSE_INVALID"],
    ["nothing", "", "ECONNRESET"],
    ["half a head", "HTTP/1.1 200 OK\r\ncontent-", "ECONNRESET"],
  ])("refuses %s", async (_what, text, code) => {
    const url = await serve((socket) => socket.end(text));
    await expect(get(url)).rejects.toMatchObject({ code });
  });

  test("a head that drips is given up, though its server is never silent", async () => {
    let drip: NodeJS.Timeout | undefined;
    const url = await serve((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      drip = setInterval(() => socket.write("a"), 1);
      socket.once("close", () => clearInterval(drip));
    });
    const options = { tls: {}, connectTimeoutMs: 10_000, silenceTimeoutMs: 200 };
    await expect(getDirect(url, {}, options)).rejects.toMatchObject({
      code: "ETIMEDOUT",
      message: "no answer in time",
    });
  });

  test("a TLS handshake that drips is given up", async () => {
    // The head of a handshake's record, whose bytes then come one by one.
    const record = Buffer.from([0x16, 0x03, 0x03, 0x3f, 0xff]);
    const url = await serve((socket) => {
      socket.write(record);
      const drip = setInterval(() => socket.write("\u0002"), 1);
      socket.once("close", () => clearInterval(drip));
    });
    url.protocol = "https:";
    const options = { tls: {}, connectTimeoutMs: 200, silenceTimeoutMs: 10_000 };
    await expect(getDirect(url, {}, options)).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });

  test("a body that stops is given up", async () => {
    const url = await serve((socket) => socket.write(`${headOf(10)}hello`));
    const options = { tls: {}, connectTimeoutMs: 10_000, silenceTimeoutMs: 100 };
    await expect(getDirect(url, {}, options).then(bytesOf)).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });

  test("a body that breaks off is an error", async () => {
    const url = await serve((socket) => socket.end(`${headOf(10)}hello`));
    await expect(get(url).then(bytesOf)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("header values cannot add lines", async () => {
    const url = await serve((socket) => socket.end(headOf(0)));
    await expect(get(url, { authorization: "a\r\nx: y" })).rejects.toMatchObject({ code: "ERR_INVALID_CHAR" });
  });

  test("an abort ends it, also in the middle of a body", async () => {
    const url = await serve((socket) => socket.write(`${headOf(10)}hello`));
    const abort = new AbortController();
    const response = await get(url, {}, abort.signal);
    const reading = bytesOf(response);
    abort.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
  });

  test("property: whatever the pieces of the server and the pace of the reader, the body is what was sent", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3_000_000 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 0, max: 6 }), async (pieces, pauses) => {
        const body = randomBytes(pieces.reduce((sum, size) => sum + size, 0));
        const url = await serve((socket) => {
          socket.write(headOf(body.length));
          let at = 0;
          for (const size of pieces) socket.write(body.subarray(at, (at += size)));
        });
        const hash = createHash("sha256");
        // As a writer does: what came last is held while more is taken, up to what is kept.
        let held: Uint8Array[] = [];
        for await (const piece of (await get(url))!.body) {
          held.push(piece);
          for (let turn = 0; turn < pauses; turn++) await new Promise(setImmediate);
          if (held.reduce((sum, { length }) => sum + length, 0) < KEPT_BYTES / 2) continue;
          for (const bytes of held) hash.update(bytes);
          held = [];
        }
        for (const bytes of held) hash.update(bytes);
        expect(hash.digest("hex")).toBe(createHash("sha256").update(body).digest("hex"));
      }),
      { numRuns: 30 },
    );
  });
});
