import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { findAmbiguity, pathWithQueryOf } from "./admission.ts";

function request(rawHeaders: string[], { url = "/", httpVersion = "1.1" } = {}): IncomingMessage {
  return { rawHeaders, url, httpVersion } as IncomingMessage;
}

test.each([
  ["two Host headers", request(["Host", "a", "host", "a"])],
  ["no Host header", request([])],
  ["a Host with a space", request(["Host", "a b"])],
  ["absolute-form to another authority", request(["Host", "a"], { url: "http://b/" })],
  ["Transfer-Encoding on HTTP/1.0", request(["Host", "a", "Transfer-Encoding", "chunked"], { httpVersion: "1.0" })],
  ["gzip, chunked", request(["Host", "a", "Transfer-Encoding", "gzip, chunked"])],
  ["two Transfer-Encodings", request(["Host", "a", "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"])],
  ["Content-Length beside chunked", request(["Host", "a", "Transfer-Encoding", "chunked", "Content-Length", "3"])],
])("findAmbiguity: %s is refused", (_, message) => {
  expect(findAmbiguity(message)).toEqual(expect.any(String));
});

test.each([
  ["a plain request", request(["Host", "example.com:8080"])],
  ["an IPv6 host", request(["Host", "[::1]:8080"])],
  ["absolute-form to the same authority", request(["Host", "A.example"], { url: "http://a.example/x" })],
  ["absolute-form with the port that http means", request(["Host", "a"], { url: "http://a:80/x" })],
  ["a chunked body", request(["Host", "a", "Transfer-Encoding", "Chunked"])],
  ["HTTP/1.0 without Host", request([], { httpVersion: "1.0" })],
])("findAmbiguity: %s passes", (_, message) => {
  expect(findAmbiguity(message)).toBeUndefined();
});

test.each([
  ["/a?b=c", "/a?b=c"],
  ["http://a.example:8080/a?b=c", "/a?b=c"],
  ["HTTP://a", "/"],
  ["http://a?b", "/?b"],
  ["/to?url=http://b/c", "/to?url=http://b/c"],
  ["//a/b", "//a/b"],
  ["*", "*"],
])("pathWithQueryOf: the target %s is %s to the guest", (target, path) => {
  expect(pathWithQueryOf(target)).toBe(path);
});
