import { createServer } from "node:http";
import { describe, expect, test, vi } from "vitest";
import { HostClosedError, WasiError } from "../errors.ts";
import {
  closeOf,
  contentOf,
  createGuest,
  errorCodeFrom,
  listen,
  ManualClock,
  responseOf,
  serve,
  settledValue,
  type Guest,
} from "./client-fixture.ts";
import { Fields } from "./fields.ts";
import { OutgoingBody } from "./outgoing-body.ts";
import { RequestOptions } from "./request-options.ts";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Sends a request with a complete body, which the guest writes after `handle`, as guests do. */
function post(guest: Guest, url: string, text: string, headers: [string, string][] = [], trailers?: Fields) {
  const request = guest.newRequest(url, { method: "post", headers });
  const body = request.body();
  const future = guest.handle(request);
  const stream = body.write();
  stream.checkWrite();
  stream.write(bytes(text));
  stream[Symbol.dispose]();
  OutgoingBody.finish(body, trailers);
  return future;
}

/** A name with a closed port, an open one and an address that is not allowed. */
const lookUpThree = (): Promise<{ address: string }[]> =>
  Promise.resolve([{ address: "127.0.0.2" }, { address: "127.0.0.1" }, { address: "10.0.0.1" }]);

/** Options of which each limit has its own length, to tell the timers apart. */
function limits(): RequestOptions {
  const options = new RequestOptions();
  options.setConnectTimeout(11_000_000n);
  options.setFirstByteTimeout(22_000_000n);
  options.setBetweenBytesTimeout(33_000_000n);
  return options;
}

describe("exchange", () => {
  test("outgoing-handler: a GET arrives as the guest said, and its response as the server said", async () => {
    await using server = await serve((request, response) => {
      const { method, url, headers } = request;
      response.setHeader("X-Twice", ["1", "2"]);
      response.writeHead(418).end(JSON.stringify({ method, url, headers }));
    });
    const guest = createGuest();
    const request = guest.newRequest(`${server.url}/a/b?c=d`, { headers: [["X-Custom", "\u00e9"]] });
    const response = await responseOf(guest.handle(request));
    expect(response.status()).toBe(418);
    expect(response.headers().get("x-twice")).toEqual([Buffer.from("1"), Buffer.from("2")]);
    expect(response.headers().has("connection")).toBe(false);
    expect(JSON.parse((await contentOf(response)).text)).toEqual({
      method: "GET",
      url: "/a/b?c=d",
      headers: { host: `127.0.0.1:${server.port}`, "x-custom": "\u00c3\u00a9", connection: "close" },
    });
  });

  test("outgoing-handler: a small complete body goes with its length", async () => {
    await using server = await serve((request, response) => {
      response.write(`${request.headers["content-length"]} ${request.headers["transfer-encoding"]} `);
      request.pipe(response);
    });
    const response = await responseOf(post(createGuest(), server.url, "hello"));
    expect((await contentOf(response)).text).toBe("5 undefined hello");
  });

  test.each([
    ["get", "undefined undefined"],
    ["head", "undefined undefined"],
    ["post", "0 undefined"],
    ["put", "0 undefined"],
  ] as const)("outgoing-handler: a %s without a body says so", async (method, expected) => {
    await using server = await serve((request, response) => {
      const { headers } = request;
      response.setHeader("x-framing", `${headers["content-length"]} ${headers["transfer-encoding"]}`).end();
    });
    const guest = createGuest();
    const response = await responseOf(guest.handle(guest.newRequest(server.url, { method })));
    expect(Buffer.from(response.headers().get("x-framing")[0]!).toString()).toBe(expected);
    expect((await contentOf(response)).text).toBe("");
  });

  test("outgoing-handler: a GET whose body the guest never finishes is sent without one", async () => {
    await using server = await serve((_request, response) => void response.end("answered"));
    const guest = createGuest();
    const request = guest.newRequest(server.url);
    const body = request.body();
    const stream = body.write();
    const response = await responseOf(guest.handle(request));
    expect((await contentOf(response)).text).toBe("answered");
    expect(() => stream.checkWrite()).toThrow(WasiError);
  });

  test("outgoing-handler: both bodies stream chunk by chunk", async () => {
    await using server = await serve((request, response) => {
      request.on("data", (chunk: Buffer) => response.write(`<${chunk.toString()}>`));
      request.on("end", () => response.end());
      response.flushHeaders();
    });
    const guest = createGuest();
    const request = guest.newRequest(server.url, { method: "post" });
    const body = request.body();
    const future = guest.handle(request);
    const output = body.write();
    const response = await responseOf(future);
    const input = response.consume().stream();
    for (const text of ["one", "two", "three"]) {
      await output.blockingWriteAndFlush(bytes(text));
      expect(Buffer.from(await input.blockingRead(100n)).toString()).toBe(`<${text}>`);
    }
    output[Symbol.dispose]();
    OutgoingBody.finish(body, undefined);
    await expect(input.blockingRead(1n)).rejects.toMatchObject({ payload: { tag: "closed" } });
  });

  test("outgoing-handler: trailers go both ways", async () => {
    await using server = await serve((request, response) => {
      response.writeHead(200, { trailer: "x-sum" });
      request.resume().on("end", () => {
        response.addTrailers({ "x-sum": `got ${request.trailers["x-check"]}` });
        response.end("body");
      });
    });
    const trailers = Fields.fromList([["X-Check", bytes("42")]]);
    const response = await responseOf(post(createGuest(), server.url, "hello", [], trailers));
    expect(await contentOf(response)).toEqual({ text: "body", trailers: [["x-sum", Buffer.from("got 42")]] });
  });

  test("outgoing-handler: a redirect is the guest's to follow", async () => {
    const paths: (string | undefined)[] = [];
    await using server = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    const guest = createGuest();
    const response = await responseOf(guest.handle(guest.newRequest(`${server.url}/start`)));
    await contentOf(response);
    expect(response.status()).toBe(302);
    expect(Buffer.from(response.headers().get("location")[0]!).toString()).toBe("/elsewhere");
    expect(paths).toEqual(["/start"]);
  });

  test("outgoing-handler: a guest that reads nothing holds the server back", async () => {
    const total = 64 * 1024 * 1024;
    let sent = 0;
    await using server = await serve((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024);
      const send = (): void => {
        while (sent < total) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", send);
        }
      };
      send();
    });
    const guest = createGuest();
    const response = await responseOf(guest.handle(guest.newRequest(server.url)));
    const stream = response.consume().stream();
    expect(await settledValue(() => sent)).toBeLessThan(total / 2);
    for (let taken = 0; taken < total;) taken += (await stream.blockingRead(65536n)).length;
    expect(sent).toBe(total);
  });

  test("outgoing-handler: a server that reads nothing holds the guest back", async () => {
    const limit = 256 * 1024 * 1024;
    await using server = await serve(() => {});
    const guest = createGuest();
    const request = guest.newRequest(server.url, { method: "post" });
    const body = request.body();
    const future = guest.handle(request);
    const stream = body.write();
    let written = 0;
    const writing = (async () => {
      while (written < limit) {
        await stream.subscribe().block();
        const room = stream.checkWrite();
        stream.write(new Uint8Array(Number(room)));
        written += Number(room);
      }
    })();
    await server.connection;
    expect(await settledValue(() => written)).toBeLessThan(limit / 2);
    expect(future.get()).toBeUndefined();
    guest.scope.close();
    await expect(writing).rejects.toThrow();
  });
});

describe("egress", () => {
  test("outgoing-handler: loopback is not reached unless it is named, and the denial is told", async () => {
    const requests = vi.fn<() => void>();
    await using server = await serve((_request, response) => (requests(), void response.end()));
    const onDenied = vi.fn<(denial: object) => void>();
    const guest = createGuest({ allowed: ["*"], onDenied });
    const future = guest.handle(guest.newRequest(server.url));
    expect(await errorCodeFrom(future)).toEqual({ tag: "destination-IP-prohibited" });
    expect(onDenied).toHaveBeenCalledExactlyOnceWith({ host: "127.0.0.1", port: server.port });
    expect(requests).not.toHaveBeenCalled();
  });

  test.each(["[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1"])(
    "outgoing-handler: %s is loopback, and denied",
    async (host) => {
      const guest = createGuest({ allowed: ["*", "127.0.0.1.example.com"] });
      const request = guest.newRequest("http://x/");
      request.setAuthority(`${host}:80`);
      expect(await errorCodeFrom(guest.handle(request))).toEqual({ tag: "destination-IP-prohibited" });
    },
  );

  test("outgoing-handler: a host that is not listed is denied without a look-up", async () => {
    const lookup = vi.fn<() => Promise<{ address: string }[]>>();
    const guest = createGuest({ allowed: ["api.example.com"], lookup });
    const future = guest.handle(guest.newRequest("http://secret.example.com/"));
    expect(await errorCodeFrom(future)).toEqual({ tag: "HTTP-request-denied" });
    expect(lookup).not.toHaveBeenCalled();
  });

  test("contract: a name that changes its address after the check is connected to at the checked one", async () => {
    await using server = await serve((request, response) => void response.end(request.headers.host));
    const lookup = vi
      .fn<() => Promise<{ address: string }[]>>()
      .mockResolvedValueOnce([{ address: "127.0.0.1" }])
      .mockResolvedValue([{ address: "127.0.0.2" }]);
    const guest = createGuest({ allowed: ["rebind.example.com", "127.0.0.1"], lookup });
    const future = guest.handle(guest.newRequest(`http://rebind.example.com:${server.port}/`));
    expect((await contentOf(await responseOf(future))).text).toBe(`rebind.example.com:${server.port}`);
    expect(lookup).toHaveBeenCalledOnce();
    const second = guest.handle(guest.newRequest(`http://rebind.example.com:${server.port}/`));
    expect(await errorCodeFrom(second)).toEqual({ tag: "destination-IP-prohibited" });
  });

  test("outgoing-handler: several checked addresses are tried until one answers", async () => {
    await using server = await serve((_request, response) => void response.end("second"));
    const guest = createGuest({ allowed: ["two.example.com", "127.0.0.0/8"], lookup: lookUpThree });
    const future = guest.handle(guest.newRequest(`http://two.example.com:${server.port}/`));
    expect((await contentOf(await responseOf(future))).text).toBe("second");
  });

  test.each([
    ["ENOTFOUND", { tag: "DNS-error", val: { rcode: "NXDOMAIN" } }],
    ["EAI_AGAIN", { tag: "DNS-error", val: { rcode: "SERVFAIL" } }],
  ])("outgoing-handler: a look-up that fails with %s is %j", async (code, expected) => {
    const lookup = (): Promise<never> => Promise.reject(Object.assign(new Error(code), { code }));
    const guest = createGuest({ allowed: ["*"], lookup });
    expect(await errorCodeFrom(guest.handle(guest.newRequest("http://gone.example.com/")))).toEqual(expected);
  });
});

describe("failures", () => {
  test("outgoing-handler: a closed port is connection-refused", async () => {
    const server = await serve(() => {});
    await server[Symbol.asyncDispose]();
    const guest = createGuest();
    expect(await errorCodeFrom(guest.handle(guest.newRequest(server.url)))).toEqual({ tag: "connection-refused" });
  });

  test.each([
    ["closes", "", "connection-terminated"],
    ["speaks no HTTP", "SSH-2.0-OpenSSH\r\n", "HTTP-protocol-error"],
    ["sends a huge head", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(200_000)}\r\n\r\n`, "HTTP-response-header-section-size"],
    ["switches protocols", "HTTP/1.1 101 Hi\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "HTTP-upgrade-failed"],
  ])("outgoing-handler: a server that %s is an error", async (_what, answer, tag) => {
    const server = createServer();
    server.on("connection", (socket) => void socket.once("data", () => socket.end(answer)));
    await using listening = await listen(server, "http");
    const guest = createGuest();
    expect((await errorCodeFrom(guest.handle(guest.newRequest(listening.url)))).tag).toBe(tag);
  });

  test("outgoing-handler: a response that ends too soon fails its stream and its trailers", async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(200, { "content-length": 100 }).write("part");
      setImmediate(() => response.destroy());
    });
    const guest = createGuest();
    const response = await responseOf(guest.handle(guest.newRequest(server.url)));
    const stream = response.consume().stream();
    let text = "";
    const failure = await (async () => {
      for (;;) text += Buffer.from(await stream.blockingRead(100n)).toString();
    })().catch((error: unknown) => error);
    expect(text).toBe("part");
    expect(failure).toMatchObject({
      payload: { tag: "last-operation-failed", val: { cause: { code: { tag: "HTTP-response-incomplete" } } } },
    });
  });

  test("outgoing-handler: a body that the guest abandons is an error, and the server sees it cut", async () => {
    const { promise: seen, resolve: see } = Promise.withResolvers<void>();
    const { promise: aborted, resolve } = Promise.withResolvers<boolean>();
    await using server = await serve((request) => {
      request.on("error", () => {}).once("data", see);
      request.on("close", () => resolve(!request.complete));
    });
    const guest = createGuest();
    const request = guest.newRequest(server.url, { method: "post" });
    const body = request.body();
    const future = guest.handle(request);
    const stream = body.write();
    await stream.blockingWriteAndFlush(bytes("half"));
    await seen;
    stream[Symbol.dispose]();
    body[Symbol.dispose]();
    expect(await errorCodeFrom(future)).toEqual({ tag: "HTTP-protocol-error" });
    expect(await aborted).toBe(true);
  });

  test("outgoing-handler: a declared length without a body is an error", async () => {
    await using server = await serve((_request, response) => void response.end());
    const guest = createGuest();
    const request = guest.newRequest(server.url, { method: "post", headers: [["content-length", "5"]] });
    expect(await errorCodeFrom(guest.handle(request))).toEqual({ tag: "HTTP-request-body-size", val: 0n });
  });

  test("outgoing-handler: what can't be sent is refused at once", () => {
    const guest = createGuest();
    const refusal = (change: (request: ReturnType<Guest["newRequest"]>) => void): unknown => {
      const request = guest.newRequest("http://127.0.0.1/");
      change(request);
      try {
        return guest.handle(request);
      } catch (error) {
        return (error as WasiError).payload;
      }
    };
    expect(refusal((request) => request.setAuthority(undefined))).toEqual({ tag: "HTTP-request-URI-invalid" });
    expect(refusal((request) => request.setAuthority("x:0"))).toEqual({ tag: "HTTP-request-URI-invalid" });
    expect(refusal((request) => request.setAuthority("x:70000"))).toEqual({ tag: "HTTP-request-URI-invalid" });
    expect(refusal((request) => request.setScheme({ tag: "other", val: "ftp" }))).toEqual({
      tag: "HTTP-protocol-error",
    });
    expect(refusal((request) => request.setMethod({ tag: "connect" }))).toEqual({
      tag: "HTTP-request-method-invalid",
    });
    expect(refusal((request) => request.setPathWithQuery(`/${"a".repeat(70_000)}`))).toEqual({
      tag: "HTTP-request-URI-too-long",
    });
  });

  test.each(["a b", "/a\r\nX: 1", "/#x", "/\u00e9"])("outgoing-request: %j is no path", (path) => {
    expect(() => createGuest().newRequest("http://x/").setPathWithQuery(path)).toThrow(WasiError);
  });

  test.each(["user@x", "x/y", "x y", "x:1:2", "[::1", "x\r\n", ""])(
    "outgoing-request: %j is no authority",
    (authority) => {
      expect(() => createGuest().newRequest("http://x/").setAuthority(authority)).toThrow(WasiError);
    },
  );

  test("outgoing-request: what is longer than any name is no authority", () => {
    const request = createGuest().newRequest("http://x/");
    expect(() => request.setAuthority(`${"a".repeat(2000)}:80`)).toThrow(WasiError);
    expect(request.authority()).toBe("x");
  });

  test.each(["G T", "", "GET\r\n"])("outgoing-request: %j is no method", (val) => {
    expect(() => createGuest().newRequest("http://x/").setMethod({ tag: "other", val })).toThrow(WasiError);
  });
});

describe("time limits", () => {
  test("outgoing-handler: a server that does not answer is connection-read-timeout", async () => {
    await using server = await serve(() => {});
    const clock = new ManualClock();
    const guest = createGuest({ clock });
    const future = guest.handle(guest.newRequest(server.url), limits());
    await clock.fire(22);
    expect(await errorCodeFrom(future)).toEqual({ tag: "connection-read-timeout" });
    await closeOf(await server.connection);
  });

  test("outgoing-handler: a connection that is not made in time is connection-timeout", async () => {
    const clock = new ManualClock();
    // A TLS connection is made once the handshake is done, which this server never begins.
    const server = createServer();
    server.on("connection", (socket) => socket.removeAllListeners("data").on("data", () => {}));
    await using listening = await listen(server, "https");
    const guest = createGuest({ clock });
    const future = guest.handle(guest.newRequest(listening.url), limits());
    await listening.connection;
    await clock.fire(11);
    expect(await errorCodeFrom(future)).toEqual({ tag: "connection-timeout" });
  });

  test("outgoing-handler: a pause between bytes counts while the guest waits, and fails the stream", async () => {
    await using server = await serve((_request, response) => void response.write("first"));
    const clock = new ManualClock();
    const guest = createGuest({ clock });
    const response = await responseOf(guest.handle(guest.newRequest(server.url), limits()));
    const stream = response.consume().stream();
    expect(Buffer.from(await stream.blockingRead(100n)).toString()).toBe("first");
    expect(clock.delaysMs).toEqual([]);
    const reading = stream.blockingRead(100n);
    await clock.fire(33);
    await expect(reading).rejects.toMatchObject({
      payload: { val: { cause: { code: { tag: "connection-read-timeout" } } } },
    });
    await closeOf(await server.connection);
  });

  test("outgoing-handler: no timer outlives a request", async () => {
    await using server = await serve((_request, response) => void response.end("done"));
    const clock = new ManualClock();
    const guest = createGuest({ clock });
    await contentOf(await responseOf(guest.handle(guest.newRequest(server.url))));
    expect(clock.delaysMs).toEqual([]);
  });
});

describe("ends", () => {
  test("outgoing-handler: dropping the future closes the connection", async () => {
    await using server = await serve(() => {});
    const guest = createGuest();
    const future = guest.handle(guest.newRequest(server.url));
    const socket = await server.connection;
    future[Symbol.dispose]();
    await closeOf(socket);
    expect(socket.destroyed).toBe(true);
  });

  test.each([
    ["response", "unread"],
    ["body", "consumed"],
  ])("outgoing-handler: dropping the %s closes the connection", async (_what, state) => {
    await using server = await serve((_request, response) => void response.write("and on"));
    const guest = createGuest();
    const response = await responseOf(guest.handle(guest.newRequest(server.url)));
    const socket = await server.connection;
    expect(socket.destroyed).toBe(false);
    if (state === "consumed") response.consume()[Symbol.dispose]();
    response[Symbol.dispose]();
    await closeOf(socket);
    expect(socket.destroyed).toBe(true);
  });

  test.each(["before the response", "while it is read"])(
    "contract: closing the scope %s closes the connection and unwinds the guest",
    async (when) => {
      await using server = await serve((_request, response) => {
        if (when === "while it is read") response.write("some");
      });
      const guest = createGuest();
      const future = guest.handle(guest.newRequest(server.url));
      const socket = await server.connection;
      let waiting: Promise<unknown> = future.subscribe().block();
      if (when === "while it is read") {
        const stream = (await responseOf(future)).consume().stream();
        await stream.blockingRead(4n);
        waiting = stream.blockingRead(4n);
      }
      guest.scope.close();
      await expect(waiting).rejects.toThrow(HostClosedError);
      await closeOf(socket);
      expect(socket.destroyed).toBe(true);
    },
  );

  test("outgoing-handler: finished requests leave nothing open in the scope", async () => {
    await using server = await serve((_request, response) => void response.end("x"));
    const guest = createGuest();
    for (let count = 0; count < 3; count++) {
      await contentOf(await responseOf(guest.handle(guest.newRequest(server.url))));
    }
    await vi.waitFor(() => expect(roomOf(guest)).toBe(1024));
  });

  test("outgoing-handler: a scope that is full takes no request", () => {
    const guest = createGuest();
    while (guest.scope.hasRoom) guest.scope.defer(() => {});
    expect(() => guest.handle(guest.newRequest("http://127.0.0.1/"))).toThrow(WasiError);
  });
});

/** How much more the guest may open. */
function roomOf({ scope }: Guest): number {
  const added: (() => void)[] = [];
  while (scope.hasRoom) added.push(scope.defer(() => {}));
  added.forEach((forget) => forget());
  return added.length;
}
