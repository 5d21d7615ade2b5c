import { expect, test } from "vitest";
import { comparable, parseAnswer } from "./http-answer.ts";

const HEAD =
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nDate: Wed, 25 Nov 2026 22:27:11 GMT\r\nConnection: keep-alive";

test.each([
  ["with a length", `${HEAD}\r\nContent-Length: 7\r\n\r\none two`, [["Content-Length", "7"]]],
  ["in chunks", `${HEAD}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n`, []],
])("answer: a body %s is read, and headers but those that a server adds", (_, text, more) => {
  expect(parseAnswer(text)).toEqual({ headers: [["content-type", "text/plain"], ...more], body: "one two" });
});

test("answer: equal ones compare equal whatever their date and the case of their names", () => {
  expect(comparable(`${HEAD}\r\n\r\nBody: X\r\nDate: X`)).toBe(
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: keep-alive\r\n\r\nBody: X\r\nDate: X",
  );
});
