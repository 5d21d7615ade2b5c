import { expect, test, vi } from "vitest";
import { HostClosedError, WasiError } from "../errors.ts";
import { BytePipe } from "../io/byte-pipe.ts";
import { IoError } from "../io/error.ts";
import { Scope } from "../scope.ts";
import { httpErrorCode } from "./error-code.ts";
import type { FieldEntry } from "./field-rules.ts";
import { IncomingBody } from "./incoming-body.ts";
import { createIncomingRequest, type IncomingRequest, type IncomingRequestInit } from "./incoming.ts";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const text = (value: Uint8Array): string => Buffer.from(value).toString();

/** A request with a body that the test writes, and what the guest got of it. */
function received(changes: Partial<IncomingRequestInit> = {}): {
  request: IncomingRequest;
  body: BytePipe;
  scope: Scope;
  closed: ReturnType<typeof vi.fn<() => void>>;
} {
  const scope = new Scope();
  const body = new BytePipe();
  const closed = vi.fn<() => void>();
  const request = createIncomingRequest(scope, {
    method: "GET",
    scheme: "http",
    authority: "hello.default.svc",
    pathWithQuery: "/a?b=1",
    headers: () => [],
    body: { take: (max) => body.take(max), subscribe: (wake) => body.subscribe(wake), close: closed },
    trailers: () => Promise.resolve(undefined),
    ...changes,
  });
  return { request, body, scope, closed };
}

test.each([
  ["GET", { tag: "get" }],
  ["PATCH", { tag: "patch" }],
  ["get", { tag: "other", val: "get" }],
  ["constructor", { tag: "other", val: "constructor" }],
  ["PROPFIND", { tag: "other", val: "PROPFIND" }],
])("incoming-request: the method %s is %j", (method, expected) => {
  expect(received({ method }).request.method()).toEqual(expected);
});

test("incoming-request: says what was received", () => {
  const headers: FieldEntry[] = [
    ["Host", bytes("hello")],
    ["X-A", bytes("1")],
  ];
  const { request } = received({ scheme: "https", headers: () => headers });
  expect(request.scheme()).toEqual({ tag: "HTTPS" });
  expect(request.authority()).toBe("hello.default.svc");
  expect(request.pathWithQuery()).toBe("/a?b=1");
  expect(request.headers().entries()).toEqual([["X-A", bytes("1")]]);
  expect(() => request.headers().delete("x-a")).toThrow(WasiError);
});

test("incoming-body: is consumed once, streamed once, and its trailers come after its end", async () => {
  const { request, body, closed } = received({ trailers: () => Promise.resolve([["X-Sum", bytes("42")]]) });
  const incoming = request.consume();
  expect(() => request.consume()).toThrow(WasiError);
  const stream = incoming.stream();
  expect(() => incoming.stream()).toThrow(WasiError);
  body.write(bytes("hello"));
  expect(text(await stream.blockingRead(100n))).toBe("hello");
  stream[Symbol.dispose]();
  const trailers = IncomingBody.finish(incoming);
  expect(trailers.get()).toBeUndefined();
  body.write(bytes("nobody reads this"));
  body.end();
  await trailers.subscribe().block();
  const first = trailers.get();
  expect(first).toMatchObject({ tag: "ok", val: { tag: "ok" } });
  const fields = first?.tag === "ok" && first.val.tag === "ok" ? first.val.val : undefined;
  expect(fields?.entries()).toEqual([["X-Sum", bytes("42")]]);
  expect(trailers.get()).toEqual({ tag: "err", val: undefined });
  expect(closed).toHaveBeenCalledOnce();
});

test("incoming-body: without trailers their future resolves to none", async () => {
  const { request, body } = received();
  const trailers = IncomingBody.finish(request.consume());
  body.end();
  await trailers.subscribe().block();
  expect(trailers.get()).toEqual({ tag: "ok", val: { tag: "ok", val: undefined } });
});

test("incoming-body: finish and drop trap while the stream is alive", () => {
  const { request } = received();
  const incoming = request.consume();
  const stream = incoming.stream();
  expect(() => IncomingBody.finish(incoming)).toThrow(/still alive/);
  expect(() => incoming[Symbol.dispose]()).toThrow(/still alive/);
  stream[Symbol.dispose]();
  expect(() => incoming[Symbol.dispose]()).not.toThrow();
});

test("incoming-body: a failure is the stream's error, and http-error-code tells its code", async () => {
  const { request, body } = received();
  const stream = request.consume().stream();
  body.fail(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
  const failure = await stream.blockingRead(10n).catch((error: unknown) => error);
  const payload = (failure as WasiError<{ tag: string; val: IoError }>).payload;
  expect(payload.tag).toBe("last-operation-failed");
  expect(httpErrorCode(payload.val)).toEqual({ tag: "connection-terminated" });
  expect(httpErrorCode(new IoError("disk full"))).toBeUndefined();
  expect(() => stream.read(1n)).toThrow(WasiError);
});

test("incoming-body: a failure is the trailers' error too", async () => {
  const { request, body } = received();
  const trailers = IncomingBody.finish(request.consume());
  body.fail(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
  await trailers.subscribe().block();
  expect(trailers.get()).toEqual({ tag: "ok", val: { tag: "err", val: { tag: "connection-terminated" } } });
});

test.each([
  ["the request is dropped unread", ({ request }: ReturnType<typeof received>) => request[Symbol.dispose]()],
  ["the body is dropped", ({ request }: ReturnType<typeof received>) => request.consume()[Symbol.dispose]()],
  [
    "the trailers are dropped",
    ({ request }: ReturnType<typeof received>) => IncomingBody.finish(request.consume())[Symbol.dispose](),
  ],
  ["the scope closes", ({ scope }: ReturnType<typeof received>) => scope.close()],
])("incoming-body: its source is closed once when %s", (_when, drop) => {
  const given = received();
  drop(given);
  given.scope.close();
  expect(given.closed).toHaveBeenCalledOnce();
});

test("incoming-body: a guest that waits for it is unwound when the scope closes", async () => {
  const { request, scope } = received();
  const reading = request.consume().stream().blockingRead(1n);
  scope.close("deadline");
  await expect(reading).rejects.toThrow(HostClosedError);
});
