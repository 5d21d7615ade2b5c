import { isIPv4, isIPv6 } from "node:net";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { matchesPattern } from "../schema/structure.ts";
import { OUTBOUND_HOST } from "./outbound-host.ts";
import * as patternModule from "./patterns.ts";

const patterns: Record<keyof typeof patternModule, string> = { ...patternModule };

type PatternName = keyof typeof patterns;

const ACCEPTED: [PatternName, string[]][] = [
  ["SERVICE_NAME", ["a", "hello-2", "a".repeat(63)]],
  ["DNS_LABEL", ["a", "0", "kube-system"]],
  ["DNS_SUBDOMAIN", ["a", "a.b", "a-1.b-2"]],
  ["QUALIFIED_KEY", ["app", "app.kubernetes.io/name", "a/B_c.d-e"]],
  ["LABEL_VALUE", ["", "a", "A_b.c-d"]],
  ["CONFIG_KEY", ["a", "..", "tls.crt", "_A"]],
  ["ENV_NAME", ["A", "_a", "a.b-c", "HTTP_PROXY2"]],
  ["SHA256", ["0".repeat(64)]],
  ["HTTP_URL", ["http://a", "https://a.b:8443/x?y=z#w", "https://[::1]/a.wasm"]],
  ["TIME_ZONE", ["UTC", "Etc/UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5"]],
  [
    "ENV_FIELD_PATH",
    ["metadata.name", "metadata.labels['app.kubernetes.io/name']", "metadata.annotations['a']", "spec.nodeName"],
  ],
  ["QUANTITY", ["1", "64Mi", "1.5Gi", "0.5k", "100M"]],
  ["DURATION", ["50ms", "1s", "1m30s", "250us", "1h2m3s4ms"]],
  ["ROUTE_HOSTNAME", ["a.example.com", "*.example.com", "localhost"]],
  ["URL_PATH", ["/", "/a/b", "/a%20b", "/a=b&c"]],
  ["GUEST_PATH", ["/", "/a", "/a/.b", "/a/..b", "/...", "/a b/c"]],
  ["RELATIVE_PATH", ["a", "a/b", ".a", "..a", "a..", "a/..."]],
  [
    "IMAGE_REFERENCE",
    [
      "hello",
      "hello:1",
      "a/b_c/d-e:v1.2",
      "localhost:5000/a",
      "[::1]:5000/a",
      `r.example.com/a/b:t@sha256:${"0".repeat(64)}`,
    ],
  ],
  [
    "CRON_SCHEDULE",
    ["* * * * *", "*/5 0-6,22 1 jan,DEC Mon-Fri", "59 23 31 12 7", "@hourly", "@daily", "0  0 * * *", "00 09 01 01 0"],
  ],
];

const REFUSED: [PatternName, string[]][] = [
  ["SERVICE_NAME", ["", "A", "1a", "a.b", "-a", "a-", "a\n"]],
  ["DNS_LABEL", ["", "A", "a.b", "-a", "a-"]],
  ["DNS_SUBDOMAIN", ["", ".", "a.", ".a", "a..b", "A"]],
  ["QUALIFIED_KEY", ["", "/a", "a/", "a/b/c", "A.b/c", "-a"]],
  ["LABEL_VALUE", ["-a", "a b", "ä"]],
  ["CONFIG_KEY", ["", "a b", "a/b"]],
  ["ENV_NAME", ["", "1A", "A=B", "A B"]],
  ["SHA256", ["0".repeat(63), "0".repeat(65), "A".repeat(64)]],
  ["HTTP_URL", ["ftp://a", "http://", "http:///x", "https://user:pw@a", "a.example.com", "http://a b", "http://[x]"]],
  ["TIME_ZONE", ["", "/UTC", "a/b/c/d", "+02:00"]],
  ["ENV_FIELD_PATH", ["metadata", "metadata.uid", "metadata.labels[app]", "metadata.labels['']", "status.podIP"]],
  ["QUANTITY", ["", "0", "0Mi", "00", "-1", "+1", "1e3", "100m", "64MB", "64 Mi", "1.Gi", ".5Gi", "0.0Gi"]],
  ["DURATION", ["", "5", "s", "1.5s", "1d", "-1s", "123456s"]],
  ["ROUTE_HOSTNAME", ["", "*", "*.", "a.*.b", "A.example.com", "a.example.com:80"]],
  ["URL_PATH", ["", "a", "/a?b", "/a#b", "/a b", "/ä"]],
  ["GUEST_PATH", ["", "a", "//", "/a/", "/a//b", "/.", "/..", "/a/../b", "/a:b", "/a\0b", "/a\nb"]],
  ["RELATIVE_PATH", ["", "/a", ".", "..", "a/", "a//b", "a/../b", "a:b"]],
  [
    "IMAGE_REFERENCE",
    ["", "https://a/b", "oci://a", "a/B", "a//b", "a:", "a:b:c", "a@sha256:12", "a b", "-a", "a/b:-t"],
  ],
  [
    "CRON_SCHEDULE",
    [
      "",
      "* * * *",
      "* * * * * *",
      "60 * * * *",
      "* 24 * * *",
      "* * 0 * *",
      "* * * 13 *",
      "* * * foo *",
      "*/0 * * * *",
      "@never",
      "5-",
    ],
  ],
];

test.each(ACCEPTED)("pattern: %s accepts %j", (name, texts) => {
  expect(texts.filter((text) => !matchesPattern(text, patterns[name]))).toEqual([]);
});

test.each(REFUSED)("pattern: %s refuses %j", (name, texts) => {
  expect(texts.filter((text) => matchesPattern(text, patterns[name]))).toEqual([]);
});

test("patterns: every one has examples on both sides", () => {
  const names = Object.keys(patterns).sort();
  expect(ACCEPTED.map(([name]) => name).sort()).toEqual(names);
  expect(REFUSED.map(([name]) => name).sort()).toEqual(names);
});

test("contract: patterns use only what RE2, JavaScript and editors read alike", () => {
  const odd = Object.entries({ ...patterns, OUTBOUND_HOST }).filter(([, pattern]) =>
    /\(\?|\\[dwsbDWSBpPku1-9]/.test(pattern),
  );
  expect(odd).toEqual([]);
});

const LONGEST = {
  IMAGE_REFERENCE: 512,
  CRON_SCHEDULE: 256,
  GUEST_PATH: 512,
  DNS_SUBDOMAIN: 253,
  QUALIFIED_KEY: 317,
  OUTBOUND_HOST: 300,
};

test.each(Object.entries(LONGEST))("patterns: %s does not hang on a hostile text of %i characters", (name, length) => {
  const pattern: unknown = { ...patterns, OUTBOUND_HOST }[name];
  for (const unit of ["a", "a-", "a.", "-", ".", "/a", "0,", "*", "a/", "a_", "__", "0:", "::"]) {
    const text = `${unit.repeat(length).slice(0, length - 1)}!`;
    const matches: unknown = runInNewContext(
      "new RegExp(pattern, 'u').test(text)",
      { pattern, text },
      { timeout: 1000 },
    );
    expect(matches).toBe(name === "GUEST_PATH" && unit === "/a");
  }
});

test.each([
  "*",
  "api.example.com",
  "*.example.com",
  "*.example.com:443",
  "api.example.com.",
  "example.com:443",
  "example.com:*",
  "http://svc.ns.svc:8080",
  "https://api.example.com",
  "redis://cache:6379",
  "localhost",
  "my_host",
  "10.0.0.0/8",
  "10.0.0.0/8:443",
  "192.168.1.1:65535",
  "::1",
  "fd00::/8",
  "[::1]:443",
  "[fd00::/8]:443",
  "http://[::1]:80",
])("outbound host: %s is accepted", (host) => {
  expect(matchesPattern(host, OUTBOUND_HOST)).toBe(true);
});

test.each([
  "",
  " ",
  "a b",
  "http://",
  "ftp://x",
  "https://x/path",
  "https://user@x",
  "x:0",
  "x:65536",
  "x:http",
  "127.1",
  "0x7f.1",
  "1.0x7f",
  "2130706433",
  "999.1.1.1",
  "10.0.0.0/33",
  "10.0.0.0/",
  "fe80::1%eth0",
  "fd00::/129",
  "*.*.x",
  "a.*.b",
  "a..b",
  "*.",
  "**",
  "[::1",
  "[a]",
  "-a.b",
])("outbound host: %j is refused", (host) => {
  expect(matchesPattern(host, OUTBOUND_HOST)).toBe(false);
});

test("outbound host: an address is accepted exactly when Node.js takes it for one", () => {
  const almostV6 = fc.array(fc.constantFrom("0", "a", "F", "ffff", "12345", ":", "::", "1.2.3.4", ".", "g"), {
    maxLength: 12,
  });
  const almostV4 = fc.array(fc.constantFrom("0", "9", "25", "255", "256", ".", "01"), { maxLength: 9 });
  const digits = fc.oneof(almostV6, almostV4).map((parts) => parts.join(""));
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    digits.filter((candidate) => /[.:]/.test(candidate) && /^[0-9:.]*$|::/.test(candidate)),
  );
  fc.assert(
    fc.property(text, (host) => {
      // With a name or a port in it, it may be another kind of entry.
      fc.pre(!/^[^:]*:(\*|[0-9]+)$/.test(host));
      expect(matchesPattern(host, OUTBOUND_HOST)).toBe(isIPv4(host) || isIPv6(host));
    }),
    { numRuns: 3000 },
  );
});
