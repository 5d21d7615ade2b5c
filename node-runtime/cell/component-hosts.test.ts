import { expect, test } from "vitest";
import { EgressPolicy } from "../wasi/sockets/egress.ts";
import { ComponentHosts } from "./component-hosts.ts";

test.each([
  ["https://api.example.com", "api.example.com", "https", [443]],
  ["https://api.example.com/", "API.example.com.", "https", [443]],
  ["https://api.example.com", "api.example.com", "http", []],
  ["https://api.example.com:8443", "api.example.com", "https", [8443]],
  ["https://*.example.com", "a.b.example.com", "https", [443]],
  ["https://*.example.com", "example.com", "https", []],
  ["https://*.example.com", "badexample.com", "https", []],
  ["*://*:*", "10.0.0.1", "redis", "all"],
  ["*://*:*", "anything", undefined, "all"],
  ["http://10.0.0.0/8:80..82", "10.1.2.3", "http", [80, 81]],
  ["http://10.0.0.0/8", "11.1.2.3", "http", []],
  ["http://[::1]:8080", "::1", "http", [8080]],
  ["tcp://db.internal:5432", "db.internal", undefined, [5432]],
  ["postgres://db.internal", "db.internal", undefined, []],
  ["http://self", "self", "http", []],
  ["*://*", "a", "http", []],
  ["nonsense", "nonsense", "http", []],
  ["http://a/path", "a", "http", []],
  ["http://{a,b}", "a", "http", []],
])("component hosts: %s leaves %s over %s the ports %j", (entry, host, scheme, ports) => {
  const left = ComponentHosts.parse([entry]).ports(host, scheme);
  expect(left === "all" ? left : [...left]).toEqual(ports);
});

test("component hosts: what is reached is in both lists, by name, by address and by raw sockets", async () => {
  const denied: string[] = [];
  const policy = EgressPolicy.parse(["a.example", "b.example", "192.0.2.1"], {
    lookup: async () => Promise.resolve([{ address: "93.184.216.34" }]),
    within: ComponentHosts.parse(["http://a.example", "tcp://a.example:5432", "*://192.0.2.1:*", "http://c.example"]),
    onDenied: ({ host, port, list }) => denied.push(`${host}:${port} ${list ?? "the app's"}`),
  });
  expect(await policy.resolve("a.example", 80, "http")).toHaveLength(1);
  expect(await policy.lookup("a.example")).toEqual([{ address: "93.184.216.34", family: 4, ports: new Set([5432]) }]);
  await expect(policy.resolve("b.example", 80, "http")).rejects.toThrow("not allowed");
  await expect(policy.resolve("a.example", 443, "https")).rejects.toThrow("not allowed");
  await expect(policy.resolve("c.example", 80, "http")).rejects.toThrow("not allowed");
  await expect(policy.lookup("b.example")).rejects.toThrow("not allowed");
  expect(policy.check("192.0.2.1", 9)).toMatchObject({ address: "192.0.2.1" });
  expect(() => policy.check("192.0.2.2", 9)).toThrow("not allowed");
  const narrow = "the component's allowed_outbound_hosts";
  expect(denied).toEqual([
    `b.example:80 ${narrow}`,
    `a.example:443 ${narrow}`,
    "c.example:80 the app's",
    `b.example:0 ${narrow}`,
    `192.0.2.2:9 ${narrow}`,
  ]);
});
