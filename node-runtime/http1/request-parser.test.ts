import fc from "fast-check";
import { expect, test } from "vitest";
import type { RequestHead } from "./request-head.ts";
import { MAX_HEAD_BYTES, ProtocolError, RequestParser } from "./request-parser.ts";

interface Message {
  head: RequestHead;
  body: string;
  trailers: readonly string[];
}

/** Parses the text as it would come in pieces that end at these offsets. */
function parse(text: string, ends: readonly number[] = []): Message[] {
  const parser = new RequestParser();
  const bytes = Buffer.from(text, "latin1");
  const messages: Message[] = [];
  let head: RequestHead | undefined;
  let body = "";
  let start = 0;
  try {
    for (const end of [...ends, bytes.length].sort((a, b) => a - b)) {
      while (start < Math.min(end, bytes.length)) {
        start += parser.parse(bytes.subarray(start, end));
        head = parser.takeHead() ?? head;
        for (const chunk of parser.takeBody()) body += Buffer.from(chunk).toString("latin1");
        if (!parser.isComplete) continue;
        messages.push({ head: head!, body, trailers: parser.trailers });
        [head, body] = [undefined, ""];
        parser.next();
      }
    }
  } finally {
    parser.close();
  }
  return messages;
}

const CHUNKED =
  "POST /a?b=1 HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Padded: \t b \t \r\nTransfer-Encoding: chunked\r\n\r\n" +
  "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 42\r\n\r\n";
const SIZED = "PUT /c HTTP/1.1\r\nhost: b\r\ncontent-length: 4\r\n\r\nbody";
const BARE = "GET / HTTP/1.0\r\n\r\n";

test("request parser: finds line, headers, body and trailers", () => {
  const [first, second, third] = parse(CHUNKED + SIZED + BARE);
  expect(first).toMatchObject({
    head: {
      method: "POST",
      target: "/a?b=1",
      version: "1.1",
      keepsAlive: true,
      host: "a",
      transferEncoding: "chunked",
    },
    body: "abcde",
    trailers: ["X-Sum", "42"],
  });
  expect(first?.head.rawHeaders.slice(2, 6)).toEqual(["X-Empty", "", "X-Padded", "b"]);
  expect(second).toMatchObject({ head: { method: "PUT", host: "b", contentLength: "4" }, body: "body", trailers: [] });
  expect(third).toMatchObject({ head: { method: "GET", version: "1.0", keepsAlive: false }, body: "" });
});

test("request parser: however the bytes are cut, the messages are the same", () => {
  const text = CHUNKED + SIZED + CHUNKED + BARE;
  const whole = parse(text);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 40 }), (ends) => {
      expect(parse(text, ends)).toEqual(whole);
    }),
  );
  expect(
    parse(
      text,
      Array.from({ length: text.length }, (_, index) => index),
    ),
  ).toEqual(whole);
});

test("request parser: parsers do not disturb each other", () => {
  const [a, b] = [new RequestParser(), new RequestParser()];
  const [one, two] = [
    Buffer.from("GET /one HTTP/1.1\r\nHost: a\r\n\r\n"),
    Buffer.from("PUT /two HTTP/1.1\r\nHost: b\r\n\r\n"),
  ];
  for (let index = 0; index < one.length; index++) {
    a.parse(one.subarray(index, index + 1));
    b.parse(two.subarray(index, index + 1));
  }
  expect([a.takeHead(), b.takeHead()]).toMatchObject([
    { target: "/one", host: "a" },
    { method: "PUT", target: "/two", host: "b" },
  ]);
  a.close();
  b.close();
});

test("request parser: a request to upgrade is one like any other", () => {
  const upgrade = "GET /u HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
  expect(parse(upgrade + SIZED).map(({ head }) => head.target)).toEqual(["/u", "/c"]);
});

test("request parser: a message larger than its input is parsed whole", () => {
  const body = "x".repeat(300_000);
  const [message] = parse(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  expect(message?.body).toBe(body);
});

test.each([
  ["no HTTP", "hello\r\n\r\n"],
  ["both lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"],
  ["lines without CR", "GET / HTTP/1.1\nHost: a\n\n"],
  ["a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["a folded header", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"],
  ["a zero byte", "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n"],
  ["a chunk size that is none", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"],
  ["a request behind the last one", `${BARE}${BARE}`],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  [
    "more framing than content",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${"e".repeat(200_000)}\r\na\r\n0\r\n\r\n`,
  ],
])("request parser: %s is malformed", (_, text) => {
  expect(() => parse(text, [text.length - 5])).toThrow(expect.objectContaining({ kind: "malformed" }));
});

test.each([
  ["a header", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(MAX_HEAD_BYTES)}`],
  ["a name", `GET / HTTP/1.1\r\n${"x".repeat(MAX_HEAD_BYTES + 1)}`],
  ["a target", `GET /${"x".repeat(MAX_HEAD_BYTES)}`],
  ["many headers", `GET / HTTP/1.1\r\n${"a: b\r\n".repeat(MAX_HEAD_BYTES)}`],
  ["trailers", `${CHUNKED.slice(0, -2)}X: ${"x".repeat(MAX_HEAD_BYTES)}`],
])("request parser: %s without end is refused before its end", (_, text) => {
  expect(() => parse(text, [text.length - 1000])).toThrow(expect.objectContaining({ kind: "head-too-large" }));
});

test("request parser: whatever comes is parsed or refused", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ..."GET /|HTTP/1.1|HTTP/1.0|\r\n|:| |\r\n\r\n|0\r\n\r\n|a: b|Transfer-Encoding: chunked|Content-Length: 3".split(
        "|",
      ),
    ),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parse(pieces.join(""));
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ProtocolError);
      }
    }),
    { numRuns: 500 },
  );
});
