import { expect, test } from "vitest";
import { RequestHead } from "../http1/request-head.ts";
import { spinFields } from "./spin-router.ts";

/** The headers that a component gets of a request to `/foo/42/bar?key=value`. */
function fieldsOfRoute(rawRoute: string, sent: string[], params: [string, string][] = []): Record<string, string> {
  const line = { method: "GET", target: "/foo/42/bar?key=value", version: "1.1", keepsAlive: true };
  const request = new RequestHead(line, ["Host", "example.com", ...sent]);
  const match = { rawRoute, route: rawRoute, pathInfo: "/bar", params };
  const fields = spinFields({ request, clientAddress: "127.0.0.1:8777" }, line.target, match);
  return Object.fromEntries(fields.map(([name, value]) => [name, Buffer.from(value).toString("latin1")]));
}

test("spin headers: those of Spin's own test", () => {
  expect(fieldsOfRoute("/foo/:userid/...", [], [["userid", "42"]])).toEqual({
    Host: "example.com",
    "spin-path-info": "/bar",
    "spin-full-url": "http://example.com/foo/42/bar?key=value",
    "spin-matched-route": "/foo/:userid/...",
    "spin-base-path": "/",
    "spin-raw-component-route": "/foo/:userid/...",
    "spin-component-route": "/foo/:userid",
    "spin-client-addr": "127.0.0.1:8777",
    "spin-path-match-userid": "42",
  });
});

test("spin headers: a client cannot say what the host says, and keeps the rest", () => {
  const fields = fieldsOfRoute("/...", [
    "SPIN-Client-Addr",
    "1.2.3.4:5",
    "spin-path-match-admin",
    "yes",
    "Connection",
    "keep-alive",
    "spin-other",
    "mine",
  ]);
  expect(fields).toMatchObject({ "spin-client-addr": "127.0.0.1:8777", "spin-other": "mine" });
  expect(Object.keys(fields).map((name) => name.toLowerCase())).not.toContain("connection");
  expect(fields).not.toHaveProperty("spin-path-match-admin");
  expect(fields).not.toHaveProperty("SPIN-Client-Addr");
});

test("spin headers: a parameter or route that no header can carry is left out", () => {
  const fields = fieldsOfRoute(
    "/\u{1f600}/...",
    [],
    [
      ["user_ID", "a"],
      ["na me", "b"],
      ["x", "a\r\nb: c"],
    ],
  );
  expect(Object.keys(fields)).toEqual([
    "Host",
    "spin-path-info",
    "spin-full-url",
    "spin-base-path",
    "spin-client-addr",
    "spin-path-match-user-id",
  ]);
});
