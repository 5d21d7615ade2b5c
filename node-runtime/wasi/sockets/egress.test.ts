import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { WasmletError } from "../../../common/errors.ts";
import type { Clock } from "../clocks/clock.ts";
import { EgressDenied, LookupFailed } from "./egress-errors.ts";
import { EgressPolicy, type Denial } from "./egress.ts";

/** Names and what they resolve to. */
const ZONE: Record<string, string[]> = {
  "api.example.com": ["93.184.215.14"],
  "db.internal": ["10.1.2.3"],
  "evil.example.com": ["127.0.0.1"],
  "meta.example.com": ["169.254.169.254"],
  "mixed.example.com": ["127.0.0.1", "93.184.215.14"],
  "nat64.example.com": ["64:ff9b::7f00:1"],
  localhost: ["::1", "127.0.0.1"],
};

function lookupZone(name: string): Promise<{ address: string }[]> {
  const found = ZONE[name];
  if (found === undefined) return Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));
  return Promise.resolve(found.map((address) => ({ address })));
}

function policyOf(...allowed: string[]): EgressPolicy {
  return EgressPolicy.parse(allowed, { lookup: lookupZone });
}

/** The addresses reached, or why none was. */
async function outcomeOf(policy: EgressPolicy, host: string, port = 443, scheme?: string): Promise<string[] | string> {
  try {
    return (await policy.resolve(host, port, scheme)).map(({ address }) => address);
  } catch (error) {
    if (error instanceof EgressDenied) return `denied: ${error.reason}`;
    if (error instanceof LookupFailed) return `failed: ${error.reason}`;
    throw error;
  }
}

describe("names", () => {
  test.each([
    [["api.example.com"], "api.example.com", ["93.184.215.14"]],
    [["api.example.com"], "API.Example.com.", ["93.184.215.14"]],
    [["*.example.com"], "api.example.com", ["93.184.215.14"]],
    [["*"], "api.example.com", ["93.184.215.14"]],
    [["db.internal"], "db.internal", ["10.1.2.3"]],
    [["*.internal"], "db.internal", ["10.1.2.3"]],
    [["*", "10.0.0.0/8"], "db.internal", ["10.1.2.3"]],
    [["localhost"], "localhost", ["::1", "127.0.0.1"]],
    [["evil.example.com", "127.0.0.1"], "evil.example.com", ["127.0.0.1"]],
    [["mixed.example.com"], "mixed.example.com", ["93.184.215.14"]],
  ])("egress: %j reaches %s", async (allowed, host, expected) => {
    expect(await outcomeOf(policyOf(...allowed), host)).toEqual(expected);
  });

  test.each([
    [[], "api.example.com", "denied: host"],
    [["example.com"], "api.example.com", "denied: host"],
    [["*.example.com"], "example.com", "denied: host"],
    [["*.example.com"], "notexample.com", "denied: host"],
    [["10.0.0.0/8"], "db.internal", "denied: host"],
    [["*"], "db.internal", "denied: address"],
    [["*"], "localhost", "denied: address"],
    [["*.example.com"], "evil.example.com", "denied: address"],
    [["evil.example.com"], "evil.example.com", "denied: address"],
    [["meta.example.com", "169.254.0.0/16:80"], "meta.example.com", "denied: address"],
    [["meta.example.com"], "meta.example.com", "denied: address"],
    [["nat64.example.com"], "nat64.example.com", "denied: address"],
    [["*"], "gone.example.com", "failed: not-found"],
    [["*"], "a b", "denied: host"],
    [["*"], "user@api.example.com", "denied: host"],
    [["*"], "api.example.com/path", "denied: host"],
    [["*"], "api.example.com:443", "denied: host"],
    [["*"], "", "denied: host"],
    [["*"], "LOCALHOST.", "denied: address"],
    [["*"], "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "denied: address"],
    [["*"], "127.0.0.1.", "denied: address"],
    [["*"], "0x7f000001", "denied: address"],
    [["*"], "017700000001", "denied: address"],
    [["*"], "0", "denied: address"],
    [["*"], "127.0.0.1%00", "denied: host"],
    [["*", "fe80::/10"], "fe80::1%lo", "denied: host"],
    [["*", "fe80::/10"], "[fe80::1%25lo]", "denied: host"],
    [["*"], "api.example.com\u0000.evil.example.com", "denied: host"],
    [["*"], "api.example.com..", "denied: host"],
  ])("egress: %j does not reach %s", async (allowed, host, expected) => {
    expect(await outcomeOf(policyOf(...allowed), host)).toBe(expected);
  });
});

describe("addresses", () => {
  test.each([
    [["127.0.0.1"], "127.0.0.1"],
    [["127.0.0.0/8"], "127.0.0.1"],
    [["127.0.0.1"], "::ffff:127.0.0.1"],
    [["::ffff:127.0.0.1"], "127.0.0.1"],
    [["::1"], "[::1]"],
    [["[::1]:443"], "::1"],
    [["169.254.169.254"], "169.254.169.254"],
    [["*"], "8.8.8.8"],
    [["0.0.0.0/0"], "8.8.8.8"],
    [["*"], "2606:4700::1111"],
    [["fd00::/8"], "fd12::1"],
    [["::ffff:10.0.0.0/104"], "10.1.2.3"],
    [["2130706433.example.com", "127.0.0.1"], "2130706433"],
  ])("egress: %j reaches %s", async (allowed, address) => {
    expect(await outcomeOf(policyOf(...allowed), address)).toHaveLength(1);
  });

  test.each([
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "１２７.0.0.1",
    "0.0.0.0",
    "::",
    "::1",
    "[::1]",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::",
    "169.254.169.254",
    "fe80::1",
    "fec0::1",
    "10.0.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd12::1",
    "224.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "4000::1",
  ])("egress: * and 0.0.0.0/0 do not reach %s", async (address) => {
    const policy = policyOf(
      "*",
      "0.0.0.0/0",
      "::/0",
      "::ffff:0.0.0.0/96",
      "::ffff:0.0.0.0/80",
      "localhost",
      "api.example.com",
    );
    expect(await outcomeOf(policy, address)).toBe("denied: address");
  });

  test("egress: a block of private addresses does not open a metadata service inside it", async () => {
    expect(await outcomeOf(policyOf("fd00::/8", "100.64.0.0/10"), "fd00:ec2::254")).toBe("denied: address");
    expect(await outcomeOf(policyOf("fd00::/8", "100.64.0.0/10"), "100.100.100.200")).toBe("denied: address");
    expect(await outcomeOf(policyOf("100.100.100.200"), "100.100.100.200")).toEqual(["100.100.100.200"]);
  });
});

describe("ports and schemes", () => {
  test.each([
    ["api.example.com:8443", 8443, "https", true],
    ["api.example.com:8443", 443, "https", false],
    ["api.example.com:*", 9999, "http", true],
    ["https://api.example.com", 443, "https", true],
    ["https://api.example.com", 443, "http", false],
    ["https://api.example.com", 8443, "https", false],
    ["https://api.example.com:8443", 8443, "https", true],
    ["HTTP://api.example.com", 80, "http", true],
    ["postgres://api.example.com", 5432, undefined, true],
    ["*:443", 443, "https", true],
    ["*:443", 80, "http", false],
  ])("egress: %s, port %d over %s: %s", async (entry, port, scheme, isReached) => {
    const outcome = await outcomeOf(policyOf(entry), "api.example.com", port, scheme);
    expect(outcome).toEqual(isReached ? ["93.184.215.14"] : "denied: host");
  });

  test("egress: a raw socket reaches listed addresses and ports alone", () => {
    const policy = policyOf("10.0.0.0/8:5432", "https://8.8.8.8");
    expect(policy.check("10.1.2.3", 5432)).toEqual({ address: "10.1.2.3", family: 4 });
    expect(policy.check("8.8.8.8", 443)).toEqual({ address: "8.8.8.8", family: 4 });
    expect(() => policy.check("10.1.2.3", 80)).toThrow(EgressDenied);
    expect(() => policy.check("8.8.4.4", 443)).toThrow(EgressDenied);
    expect(() => policy.check("127.1", 5432)).toThrow(EgressDenied);
  });

  test("egress: a look-up for raw sockets says on which ports each address may be reached", async () => {
    const policy = policyOf("db.internal:5432", "postgres://db.internal:5433", "10.1.0.0/16:80", "localhost");
    expect(await policy.lookup("db.internal")).toEqual([
      { address: "10.1.2.3", family: 4, ports: new Set([5432, 5433, 80]) },
    ]);
    expect((await policy.lookup("localhost")).map(({ ports }) => ports)).toEqual(["all", "all"]);
    await expect(policy.lookup("api.example.com")).rejects.toThrow(EgressDenied);
  });
});

describe("look-ups", () => {
  test("egress: a name that is not listed is not looked up", async () => {
    const lookup = vi.fn(lookupZone);
    const policy = EgressPolicy.parse(["api.example.com", "10.0.0.0/8"], { lookup });
    expect(await outcomeOf(policy, "secret.attacker.example")).toBe("denied: host");
    expect(lookup).not.toHaveBeenCalled();
    expect(await outcomeOf(policy, "api.example.com")).toEqual(["93.184.215.14"]);
    expect(lookup).toHaveBeenCalledExactlyOnceWith("api.example.com");
  });

  test("egress: each denied call is told once", async () => {
    const denials: Denial[] = [];
    const policy = EgressPolicy.parse(["*"], { lookup: lookupZone, onDenied: (denial) => denials.push(denial) });
    await outcomeOf(policy, "evil.example.com", 8080);
    await outcomeOf(policy, "api.example.com", 443);
    expect(() => policy.check("10.0.0.1", 22)).toThrow(EgressDenied);
    expect(denials).toEqual([
      { host: "evil.example.com", port: 8080 },
      { host: "10.0.0.1", port: 22 },
    ]);
  });

  test("egress: a look-up without an answer fails after the time limit", async () => {
    const { clock, fire } = fakeTimer();
    const policy = EgressPolicy.parse(["*"], { lookup: () => new Promise(() => {}), clock, lookupTimeoutMs: 700 });
    const outcome = outcomeOf(policy, "api.example.com");
    expect(fire()).toBe(700);
    expect(await outcome).toBe("failed: timeout");
  });

  test("egress: look-ups beyond the bound fail at once, also after their time limit", async () => {
    const lookup = vi.fn(() => new Promise<never>(() => {}));
    const { clock, fire } = fakeTimer();
    const policy = EgressPolicy.parse(["*"], { lookup, clock });
    const waiting = Array.from({ length: 16 }, () => outcomeOf(policy, "api.example.com"));
    fire();
    expect(await Promise.all(waiting)).toContain("failed: timeout");
    expect(await outcomeOf(policy, "api.example.com")).toBe("failed: temporary");
    expect(lookup).toHaveBeenCalledTimes(16);
  });
});

describe("entries", () => {
  test.each([
    "",
    "a b",
    "http://",
    "https://x/path",
    "https://user@x",
    "x:0",
    "x:65536",
    "x:http",
    "127.1",
    "0x7f.1",
    "2130706433",
    "10.0.0.0/33",
    "10.0.0.0/",
    "fe80::1%eth0",
    "::ffff:10.0.0.0/129",
    "*.*.x",
    "a..b",
    "*.",
    "ftp://x",
    "constructor://x",
    "[::1",
  ])("egress: %j is no entry", (entry) => {
    expect(() => EgressPolicy.parse([entry])).toThrow(WasmletError);
  });

  test("egress: parsing returns a policy or throws EGRESS_ENTRY_INVALID, whatever it is given", () => {
    const piece = fc.constantFrom(
      "*",
      ".",
      ":",
      "/",
      "[",
      "]",
      "@",
      "%",
      "10.0.0.0",
      "::1",
      "x",
      "http://",
      "443",
      "-",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(piece, { maxLength: 6 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (entry) => {
        try {
          expect(EgressPolicy.parse([entry]).allowsNothing).toBe(false);
        } catch (error) {
          expect(error).toMatchObject({ code: "EGRESS_ENTRY_INVALID" });
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("contract: nothing reaches an IPv4 address that is not public through *, however it is written", async () => {
    const inside = fc.constantFrom([127, 0], [10, 9], [169, 254], [192, 168], [0, 0], [224, 1], [100, 64]);
    const forms = [
      (ip: number[]) => ip.join("."),
      (ip: number[]) => String(numberOf(ip)),
      (ip: number[]) => `0x${numberOf(ip).toString(16)}`,
      (ip: number[]) => ip.map((byte) => `0${byte.toString(8)}`).join("."),
      (ip: number[]) => `${ip[0]}.${numberOf([0, ...ip.slice(1)])}`,
      (ip: number[]) => `::ffff:${ip.join(".")}`,
      (ip: number[]) => `[64:ff9b::${hexPairsOf(ip)}]`,
      (ip: number[]) => `2002:${hexPairsOf(ip)}::1`,
    ];
    await fc.assert(
      fc.asyncProperty(inside, fc.nat(255), fc.nat(255), fc.constantFrom(...forms), async ([a, b], c, d, form) => {
        const outcome = await outcomeOf(policyOf("*", "0.0.0.0/0", "::/0"), form([a, b, c, d]));
        expect(outcome).toBe("denied: address");
      }),
      { numRuns: 500 },
    );
  });
});

function numberOf(ip: number[]): number {
  return ip.reduce((sum, byte) => sum * 256 + byte, 0);
}

function hexPairsOf([a, b, c, d]: number[]): string {
  return `${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}`;
}

/** A clock whose last timer is fired by hand; `fire` returns its delay. */
function fakeTimer(): { clock: Clock; fire: () => number } {
  let timer: { delayMs: number; fire: () => void } | undefined;
  const clock: Clock = {
    monotonicNs: () => 0n,
    wallNs: () => 0n,
    after(delayMs, fire) {
      const previous = timer;
      timer = { delayMs, fire: () => (previous?.fire(), fire()) };
      return () => {};
    },
  };
  return { clock, fire: () => (timer!.fire(), timer!.delayMs) };
}
