import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Fields } from "../wasi/http/fields.ts";
import { OutgoingBody } from "../wasi/http/outgoing-body.ts";
import { OutgoingResponse } from "../wasi/http/response.ts";
import { Scope } from "../wasi/scope.ts";
import { sendError } from "./answers.ts";
import { writeResponse } from "./response-writer.ts";

/** What the guest of a test does with its response, and with its body after the response was given to the writer. */
interface Guest {
  status?: number;
  headers?: [string, string][];
  answer?: (response: OutgoingResponse) => ((gone: () => void) => void) | void;
}

let guest: Guest;
let outcomes: unknown[];
let server: Server;

beforeAll(async () => {
  server = createServer((_request, response) => {
    const made = new OutgoingResponse(
      new Scope(),
      Fields.fromList((guest.headers ?? []).map(([name, value]) => [name, Buffer.from(value)])),
    );
    made.setStatusCode(guest.status ?? 200);
    const later = guest.answer?.(made);
    const outcome = made.outcome();
    if (outcome.kind !== "response") throw new Error("not a response");
    writeResponse(response, outcome).then(
      (sent) => outcomes.push(sent),
      (thrown: { code: "GUEST_RESPONSE_INCOMPLETE"; message: string }) => {
        outcomes.push(thrown.message);
        if (response.headersSent) response.destroy();
        else sendError(response, thrown.code, thrown.message);
      },
    );
    later?.(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  guest = {};
  outcomes = [];
});

/** Sends a request; resolves to the status and the body, or to "cut" when the connection broke. */
async function ask(method = "GET"): Promise<[status: number | undefined, body: string] | "cut"> {
  const { port } = server.address() as AddressInfo;
  const request = httpRequest({ port, method, agent: false });
  request.end();
  try {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return [response.statusCode, await text(response)];
  } catch {
    return "cut";
  }
}

function write(body: OutgoingBody, content: string): void {
  const stream = body.write();
  stream.checkWrite();
  stream.write(Buffer.from(content));
  stream[Symbol.dispose]();
}

const lengthOf = (length: number): [string, string][] => [["content-length", String(length)]];

test("response-writer: a body as long as declared arrives", async () => {
  guest = {
    headers: lengthOf(5),
    answer: (response) => {
      const body = response.body();
      write(body, "12345");
      OutgoingBody.finish(body, undefined);
    },
  };
  expect(await ask()).toEqual([200, "12345"]);
  expect(outcomes).toEqual([true]);
});

test("response-writer: a declared body that the guest never asked for is an error, not a client that waits", async () => {
  guest = { headers: [...lengthOf(5), ["content-encoding", "gzip"]] };
  expect(await ask()).toEqual([502, expect.stringContaining("GUEST_RESPONSE_INCOMPLETE")]);
  expect(outcomes).toEqual(["the guest declared a body of 5 bytes and wrote 0"]);
});

test("response-writer: a declared length that is none is an error", async () => {
  guest = { headers: lengthOf(-1) };
  expect(await ask()).toEqual([502, expect.stringContaining("GUEST_RESPONSE_INCOMPLETE")]);
  expect(outcomes).toEqual(["the guest declared a body of -1 bytes"]);
});

test.each([
  ["finished too early", (body: OutgoingBody) => expect(() => OutgoingBody.finish(body, undefined)).toThrow()],
  ["dropped", (body: OutgoingBody) => body[Symbol.dispose]()],
])("response-writer: a body %s cuts the connection", async (_how, end) => {
  guest = {
    headers: lengthOf(5),
    answer: (response) => {
      const body = response.body();
      write(body, "123");
      return () => end(body);
    },
  };
  expect(await ask()).toBe("cut");
  expect(outcomes).toEqual([false]);
});

test.each([
  ["HEAD", 200],
  ["GET", 304],
])("response-writer: a declared length without a body is right for %s with %i", async (method, status) => {
  guest = { status, headers: lengthOf(5) };
  expect(await ask(method)).toEqual([status, ""]);
  expect(outcomes).toEqual([true]);
});

test("response-writer: HEAD takes whatever the guest writes, and less", async () => {
  guest = {
    headers: lengthOf(5),
    answer: (response) => {
      const body = response.body();
      write(body, "123");
      expect(() => OutgoingBody.finish(body, undefined)).toThrow();
    },
  };
  expect(await ask("HEAD")).toEqual([200, ""]);
});

test("response-writer: a client that leaves is not the guest's failure", async () => {
  guest = {
    answer: (response) => {
      response.body();
      return (leave) => leave();
    },
  };
  expect(await ask()).toBe("cut");
});
