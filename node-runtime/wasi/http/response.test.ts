import { expect, test } from "vitest";
import { WasiError } from "../errors.ts";
import { EgressPolicy } from "../sockets/egress.ts";
import { SYSTEM_CLOCK } from "../clocks/clock.ts";
import type { BytePipe } from "../io/byte-pipe.ts";
import { Scope } from "../scope.ts";
import type { FieldEntry } from "./field-rules.ts";
import { Fields } from "./fields.ts";
import { HttpFailure } from "./error-code.ts";
import { createHttpImports } from "./imports.ts";
import { OutgoingBody } from "./outgoing-body.ts";
import { createResponseOutparam } from "./outparam-fixture.ts";
import { OutgoingResponse, ResponseOutparam, type ResponseOutcome } from "./response.ts";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

function responseOf(scope: Scope, headers: FieldEntry[] = []): OutgoingResponse {
  return new OutgoingResponse(scope, Fields.fromList(headers));
}

/** Sets the outparam to the response and returns what the trigger gets. */
async function answer(response: OutgoingResponse): Promise<ResponseOutcome & { kind: "response" }> {
  const { outparam, outcome } = createResponseOutparam();
  ResponseOutparam.set(outparam, { tag: "ok", val: response });
  const result = await outcome;
  if (result.kind !== "response") throw new Error("not a response");
  return result;
}

/** Everything in the pipe now, and how it ends. */
function contentOf(pipe: BytePipe): { text: string; end: "open" | "ended" | HttpFailure } {
  let text = "";
  for (;;) {
    try {
      const chunk = pipe.take(1024);
      if (chunk === undefined || chunk === null) return { text, end: chunk === null ? "ended" : "open" };
      text += Buffer.from(chunk).toString();
    } catch (failure) {
      if (failure instanceof HttpFailure) return { text, end: failure };
      throw failure;
    }
  }
}

/** Lets everything that can go on go on. */
const nextTask = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("outgoing-response: status, headers and a body chunk by chunk reach the trigger", async () => {
  const scope = new Scope();
  const response = responseOf(scope, [["Content-Type", bytes("text/plain")]]);
  response.setStatusCode(418);
  const body = response.body();
  const outcome = await answer(response);
  expect(outcome.status).toBe(418);
  expect(outcome.headers).toEqual([["Content-Type", bytes("text/plain")]]);
  const stream = body.write();
  const flushed = stream.blockingWriteAndFlush(bytes("one"));
  await nextTask();
  expect(contentOf(outcome.body)).toEqual({ text: "one", end: "open" });
  await flushed;
  stream.checkWrite();
  stream.write(bytes("two"));
  stream[Symbol.dispose]();
  OutgoingBody.finish(body, Fields.fromList([["X-Sum", bytes("3")]]));
  expect(contentOf(outcome.body)).toEqual({ text: "two", end: "ended" });
  expect(outcome.trailers()).toEqual([["X-Sum", bytes("3")]]);
});

test("outgoing-response: a flush is done only when the reader took the bytes", async () => {
  const response = responseOf(new Scope());
  const body = response.body();
  const { body: pipe } = await answer(response);
  const stream = body.write();
  let isDone = false;
  const flushed = Promise.resolve(stream.blockingWriteAndFlush(bytes("x"))).then(() => (isDone = true));
  await nextTask();
  expect(isDone).toBe(false);
  contentOf(pipe);
  await flushed;
  expect(isDone).toBe(true);
});

test("outgoing-response: a reader that stops holds the guest back", async () => {
  const response = responseOf(new Scope());
  const body = response.body();
  const { body: pipe } = await answer(response);
  const stream = body.write();
  let written = 0;
  for (let room = stream.checkWrite(); room > 0n; room = stream.checkWrite()) {
    const chunk = new Uint8Array(Number(room < 4096n ? room : 4096n));
    stream.write(chunk);
    written += chunk.length;
    expect(written).toBeLessThanOrEqual(1024 * 1024);
  }
  expect(stream.subscribe().ready()).toBe(false);
  expect(contentOf(pipe).text).toHaveLength(written);
  expect(stream.subscribe().ready()).toBe(true);
});

test("outgoing-response: without a body it is empty and complete", async () => {
  const outcome = await answer(responseOf(new Scope()));
  expect(outcome.status).toBe(200);
  expect(contentOf(outcome.body)).toEqual({ text: "", end: "ended" });
  expect(outcome.trailers()).toBeUndefined();
});

test.each([
  ["is dropped without finish", (body: OutgoingBody) => body[Symbol.dispose]()],
  ["loses its scope", (_body: OutgoingBody, scope: Scope) => scope.close()],
])("outgoing-body: is incomplete for its reader when it %s", async (_when, drop) => {
  const scope = new Scope();
  const response = responseOf(scope);
  const body = response.body();
  const outcome = await answer(response);
  const stream = body.write();
  stream.checkWrite();
  stream.write(bytes("half"));
  stream[Symbol.dispose]();
  drop(body, scope);
  const { text, end } = contentOf(outcome.body);
  expect(text).toBe("half");
  expect((end as HttpFailure).code).toEqual({ tag: "HTTP-response-incomplete" });
  expect(outcome.trailers()).toBeUndefined();
});

test("outgoing-body: closing the scope after finish changes nothing", async () => {
  const scope = new Scope();
  const response = responseOf(scope);
  const body = response.body();
  const outcome = await answer(response);
  OutgoingBody.finish(body, undefined);
  scope.close();
  expect(contentOf(outcome.body)).toEqual({ text: "", end: "ended" });
});

test("outgoing-body: finish and drop trap while the stream is alive", () => {
  const body = responseOf(new Scope()).body();
  const stream = body.write();
  expect(() => body.write()).toThrow(WasiError);
  expect(() => OutgoingBody.finish(body, undefined)).toThrow(/still alive/);
  expect(() => body[Symbol.dispose]()).toThrow(/still alive/);
  stream[Symbol.dispose]();
  expect(() => OutgoingBody.finish(body, undefined)).not.toThrow();
});

test("outgoing-body: the guest sees `closed` when nobody reads on", async () => {
  const response = responseOf(new Scope());
  const body = response.body();
  const { body: pipe } = await answer(response);
  const stream = body.write();
  pipe.cancel();
  expect(() => stream.checkWrite()).toThrow(expect.objectContaining({ payload: { tag: "closed" } }) as Error);
});

test.each([
  ["2", "HTTP-response-body-size", 1n],
  ["0", "HTTP-response-body-size", 1n],
])("outgoing-body: content-length %s and one byte is an error", async (declared, tag, val) => {
  const response = responseOf(new Scope(), [["content-length", bytes(declared)]]);
  const body = response.body();
  const outcome = await answer(response);
  const stream = body.write();
  stream.checkWrite();
  const write = (): void => stream.write(bytes("x"));
  if (declared === "0") expect(write).toThrow(WasiError);
  else write();
  stream[Symbol.dispose]();
  expect(() => OutgoingBody.finish(body, undefined)).toThrow(
    expect.objectContaining({ payload: { tag, val } }) as Error,
  );
  expect((contentOf(outcome.body).end as HttpFailure).code).toEqual({ tag, val });
});

test.each([["5x"], ["-1"], [""], ["1, 1"]])("outgoing-response: content-length %j gives no body", (declared) => {
  expect(() => responseOf(new Scope(), [["content-length", bytes(declared)]]).body()).toThrow(WasiError);
});

const twice = (a: string, b: string): FieldEntry[] => [
  ["content-length", bytes(a)],
  ["Content-Length", bytes(b)],
];

test("outgoing-response: content-length given twice with one meaning is one, with two it is an error", () => {
  expect(() => responseOf(new Scope(), twice("1", "1")).body()).not.toThrow();
  expect(() => responseOf(new Scope(), twice("1", "2")).body()).toThrow(WasiError);
});

test.each([0, 99, 100, 101, 199, 1000, 65535])("outgoing-response: %d is no status", (status) => {
  const response = responseOf(new Scope());
  expect(() => response.setStatusCode(status)).toThrow(WasiError);
  expect(response.statusCode()).toBe(200);
});

test("outgoing-response: its headers are immutable once it has them", () => {
  const headers = new Fields();
  const response = new OutgoingResponse(new Scope(), headers);
  expect(() => response.headers().append("a", bytes("1"))).toThrow(WasiError);
});

test("response-outparam: tells whether it was set, and is set once", async () => {
  const { outparam, outcome } = createResponseOutparam();
  expect(outparam.isSet).toBe(false);
  ResponseOutparam.set(outparam, { tag: "err", val: { tag: "loop-detected" } });
  expect(outparam.isSet).toBe(true);
  expect(await outcome).toEqual({ kind: "error", error: { tag: "loop-detected" } });
  expect(() => ResponseOutparam.set(outparam, { tag: "err", val: { tag: "loop-detected" } })).toThrow(/already/);
});

test("response-outparam: sends informational responses ahead, but not 101", () => {
  const sent: [number, FieldEntry[]][] = [];
  const { outparam } = createResponseOutparam((status, headers) => sent.push([status, headers]));
  outparam.sendInformational(103, Fields.fromList([["link", bytes("</a.css>")]]));
  expect(sent).toEqual([[103, [["link", bytes("</a.css>")]]]]);
  expect(() => outparam.sendInformational(101, new Fields())).toThrow(WasiError);
  expect(() => outparam.sendInformational(200, new Fields())).toThrow(WasiError);
});

test("imports: the guest's constructors make instances of the host's classes", () => {
  const scope = new Scope();
  const types = createHttpImports(scope, EgressPolicy.parse([]), SYSTEM_CLOCK)["wasi:http/types"]!;
  const GuestResponse = types["OutgoingResponse"] as new (headers: Fields) => OutgoingResponse;
  const response = new GuestResponse(new Fields());
  expect(response).toBeInstanceOf(OutgoingResponse);
  expect(response).toBeInstanceOf(GuestResponse);
  expect(Object.create(GuestResponse.prototype as object)).toBeInstanceOf(OutgoingResponse);
  expect(response.statusCode()).toBe(200);
});
