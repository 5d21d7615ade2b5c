import { expect, test, vi } from "vitest";
import type { IpAddress } from "./ip-address.ts";
import { at, codeOf, createSocketGuest, type SocketGuest } from "./sockets-fixture.ts";

const ZONE: Record<string, string[]> = {
  "db.internal": ["10.1.2.3", "fd00::1"],
  "evil.example.com": ["169.254.169.254"],
};

function lookup(name: string): Promise<{ address: string }[]> {
  const found = ZONE[name];
  if (found === undefined) return Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));
  return Promise.resolve(found.map((address) => ({ address })));
}

/** All addresses of a name, or the error code. */
async function resolve(guest: SocketGuest, name: string): Promise<unknown> {
  const stream = guest.resolveAddresses(guest.network, name);
  await stream.subscribe().block();
  return codeOf(() => {
    const addresses: IpAddress[] = [];
    for (let next = stream.resolveNextAddress(); next !== undefined; next = stream.resolveNextAddress()) {
      addresses.push(next);
    }
    return addresses;
  });
}

test("ip-name-lookup: an allowed name gives its addresses, then none", async () => {
  const guest = createSocketGuest(["db.internal"], { lookup });
  expect(await resolve(guest, "db.internal")).toEqual([
    { tag: "ipv4", val: [10, 1, 2, 3] },
    { tag: "ipv6", val: [0xfd00, 0, 0, 0, 0, 0, 0, 1] },
  ]);
});

test("ip-name-lookup: asks for patience until the answer is there", () => {
  const guest = createSocketGuest(["db.internal"], { lookup });
  const stream = guest.resolveAddresses(guest.network, "db.internal");
  expect(stream.subscribe().ready()).toBe(false);
  expect(codeOf(() => stream.resolveNextAddress())).toBe("would-block");
});

test.each([
  ["unlisted.example.com", "access-denied"],
  ["evil.example.com", "access-denied"],
  ["gone.internal", "name-unresolvable"],
])("ip-name-lookup: %s is %s", async (name, expected) => {
  const guest = createSocketGuest(["db.internal", "evil.example.com", "gone.internal"], { lookup });
  expect(await resolve(guest, name)).toBe(expected);
});

test("ip-name-lookup: a name that is not listed is not looked up", async () => {
  const spy = vi.fn(lookup);
  await resolve(createSocketGuest(["db.internal"], { lookup: spy }), "secret.attacker.example");
  expect(spy).not.toHaveBeenCalled();
});

test("ip-name-lookup: an address stands for itself, without a look-up or a permission", async () => {
  expect(await resolve(createSocketGuest([]), "127.0.0.1")).toEqual([{ tag: "ipv4", val: [127, 0, 0, 1] }]);
  expect(await resolve(createSocketGuest([]), "::1")).toEqual([{ tag: "ipv6", val: [0, 0, 0, 0, 0, 0, 0, 1] }]);
});

test.each(["", "a b", "http://x", "x:80", "a..b"])("ip-name-lookup: %j is invalid-argument", (name) => {
  const guest = createSocketGuest(["*"]);
  expect(codeOf(() => guest.resolveAddresses(guest.network, name))).toBe("invalid-argument");
});

test("contract: a raw socket reaches what an allowed name resolved to, on that name's ports, and not before", async () => {
  const guest = createSocketGuest(["db.internal:5432"], { lookup });
  const start = (port: number): unknown =>
    codeOf(() => guest.createTcpSocket("ipv4").startConnect(guest.network, at("10.1.2.3", port)));
  expect(start(5432)).toBe("access-denied");
  await resolve(guest, "db.internal");
  expect(start(80)).toBe("access-denied");
  expect(start(5432)).toBeUndefined();
  guest.scope.close();
});

test("ip-name-lookup: what one guest looked up opens nothing for another", async () => {
  const [first, second] = [
    createSocketGuest(["db.internal"], { lookup }),
    createSocketGuest(["db.internal"], { lookup }),
  ];
  await resolve(first, "db.internal");
  const socket = second.createTcpSocket("ipv4");
  expect(codeOf(() => socket.startConnect(second.network, at("10.1.2.3", 5432)))).toBe("access-denied");
});
