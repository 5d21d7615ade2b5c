import { expect, test } from "vitest";
import { RequestHead } from "../http1/request-head.ts";
import { findAmbiguity, MAX_REQUEST_BODY_BYTES, pathWithQueryOf, refuse } from "./admission.ts";

function request(rawHeaders: string[], { method = "GET", target = "/", version = "1.1" } = {}): RequestHead {
  return new RequestHead({ method, target, version, keepsAlive: true }, rawHeaders);
}

test.each([
  ["two Host headers", request(["Host", "a", "host", "a"])],
  ["no Host header", request([])],
  ["a Host with a space", request(["Host", "a b"])],
  ["absolute-form to another authority", request(["Host", "a"], { target: "http://b/" })],
  ["Transfer-Encoding on HTTP/1.0", request(["Host", "a", "Transfer-Encoding", "chunked"], { version: "1.0" })],
  ["gzip, chunked", request(["Host", "a", "Transfer-Encoding", "gzip, chunked"])],
  ["two Transfer-Encodings", request(["Host", "a", "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"])],
])("findAmbiguity: %s is refused", (_, message) => {
  expect(findAmbiguity(message)).toEqual(expect.any(String));
});

test.each([
  ["a plain request", request(["Host", "example.com:8080"])],
  ["an IPv6 host", request(["Host", "[::1]:8080"])],
  ["absolute-form to the same authority", request(["Host", "A.example"], { target: "http://a.example/x" })],
  ["absolute-form with the port that http means", request(["Host", "a"], { target: "http://a:80/x" })],
  ["a chunked body", request(["Host", "a", "Transfer-Encoding", "Chunked"])],
  ["HTTP/1.0 without Host", request([], { version: "1.0" })],
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

test.each([
  ["another version", request(["Host", "a"], { version: "2.0" }), "REQUEST_MALFORMED"],
  ["CONNECT", request(["Host", "a"], { method: "CONNECT", target: "a:80" }), "REQUEST_METHOD"],
  ["an ambiguous one", request([]), "REQUEST_AMBIGUOUS"],
  ["an expectation that is not known", request(["Host", "a", "Expect", "tea"]), "REQUEST_EXPECTATION"],
  [
    "a body that is too large",
    request(["Host", "a", "Content-Length", String(MAX_REQUEST_BODY_BYTES + 1)]),
    "REQUEST_BODY_TOO_LARGE",
  ],
])("refuse: %s", (_, head, code) => {
  expect(() => refuse(head)).toThrow(expect.objectContaining({ code }));
});

test.each([
  ["a plain request", request(["Host", "a"])],
  ["one that waits to be asked for its body", request(["Host", "a", "Expect", "100-Continue"])],
  ["HTTP/1.0, which expects nothing", request(["Expect", "tea"], { version: "1.0" })],
  ["the largest body", request(["Host", "a", "Content-Length", String(MAX_REQUEST_BODY_BYTES)])],
])("refuse: not %s", (_, head) => {
  expect(() => refuse(head)).not.toThrow();
});
