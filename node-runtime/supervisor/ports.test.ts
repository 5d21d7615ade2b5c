import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import type { PortClaims } from "./port-claims.ts";
import { Ports } from "./ports.ts";

async function occupy(): Promise<{ port: number; close(): void }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

test("Ports: an app keeps its port, and another app gets another one", async () => {
  const ports = new Ports("127.0.0.1", 0);
  const first = await ports.assign("default/a", undefined, new Set());
  expect(await ports.assign("default/a", undefined, new Set())).toBe(first);
  expect(await ports.assign("default/b", undefined, new Set())).not.toBe(first);
});

test("Ports: of many apps whose cells do not listen yet no two get the same free port", async () => {
  const ports = new Ports("127.0.0.1", 0);
  const ids = Array.from({ length: 1000 }, (_, index) => `default/app-${index}`);
  const assigned = await Promise.all(ids.map((id) => ports.assign(id, undefined, new Set())));
  expect(new Set(assigned).size).toBe(ids.length);
});

test("Ports: a port that another app has is a conflict that names it", async () => {
  const ports = new Ports("127.0.0.1", 0);
  const port = await ports.assign("default/a", undefined, new Set());
  await expect(ports.assign("default/b", port, new Set())).rejects.toMatchObject({ code: "APP_PORT_CONFLICT" });
  ports.release("default/a");
  expect(await ports.assign("default/b", port, new Set())).toBe(port);
});

test("Ports: a port that another program listens on is said so, and passed over when none was asked for", async () => {
  const other = await occupy();
  const ports = new Ports("127.0.0.1", other.port);
  await expect(ports.assign("default/a", other.port, new Set())).rejects.toMatchObject({ code: "APP_PORT_IN_USE" });
  const port = await ports.assign("default/a", undefined, new Set([other.port + 1]));
  expect(port).toBeGreaterThan(other.port + 1);
  other.close();
});

test("Ports: apps that ask at once get different ports, in the order in which they ask", async () => {
  const other = await occupy();
  const ports = new Ports("127.0.0.1", other.port);
  const ids = Array.from({ length: 20 }, (_, index) => `default/app-${index}`);
  const assigned = await Promise.all(ids.map((id) => ports.assign(id, undefined, new Set())));
  other.close();
  expect(new Set(assigned).size).toBe(20);
  expect(assigned).toEqual(assigned.toSorted((a, b) => a - b));
});

test("Ports: an app that is refused, or gone before its turn, keeps no other from a port", async () => {
  const other = await occupy();
  const ports = new Ports("127.0.0.1", other.port);
  const gone = new AbortController();
  const asked = Promise.allSettled([
    ports.assign("default/refused", other.port, new Set()),
    ports.assign("default/gone", undefined, new Set(), gone.signal),
    ports.assign("default/next", undefined, new Set()),
  ]);
  gone.abort();
  const [refused, left, next] = await asked;
  other.close();
  expect(refused).toMatchObject({ status: "rejected", reason: { code: "APP_PORT_IN_USE" } });
  expect(left.status).toBe("rejected");
  expect(ports.portOf("default/gone")).toBeUndefined();
  expect(next).toMatchObject({ status: "fulfilled" });
});

/** What two runtimes of one machine claim from. */
function sharedClaims(): () => PortClaims {
  const owners = new Map<number, PortClaims>();
  return () => {
    const claims: PortClaims = {
      claim: (port) => Promise.resolve((owners.has(port) ? owners : owners.set(port, claims)).get(port) === claims),
      release: (port) => void (owners.get(port) === claims && owners.delete(port)),
    };
    return claims;
  };
}

test("Ports: runtimes that look at the same moment get different ports, and a claimed one is said to be in use", async () => {
  const other = await occupy();
  const claimsOf = sharedClaims();
  const runtimes = Array.from({ length: 4 }, () => new Ports("127.0.0.1", other.port, { claims: claimsOf() }));
  const assigned = await Promise.all(runtimes.map((ports) => ports.assign("default/a", undefined, new Set())));
  other.close();
  expect(new Set(assigned).size).toBe(4);
  await expect(runtimes[0]!.assign("default/b", assigned[1], new Set())).rejects.toMatchObject({
    code: "APP_PORT_IN_USE",
    message: expect.stringContaining("another node runtime") as string,
  });
  runtimes[1]!.release("default/a");
  expect(await runtimes[0]!.assign("default/b", assigned[1], new Set())).toBe(assigned[1]);
});

test("Ports: inherited ports are taken while the runtime before listens, and claimed once it lets go", async () => {
  const listening = await occupy();
  const claimsOf = sharedClaims();
  const before = new Ports("127.0.0.1", 0, { claims: claimsOf(), inherited: new Map([["default/a", listening.port]]) });
  await before.assign("default/a", undefined, new Set());
  await before.claimInherited();
  const after = new Ports("127.0.0.1", 0, { claims: claimsOf(), inherited: before.all });
  expect(await after.assign("default/a", undefined, new Set())).toBe(listening.port);
  const claimed = after.claimInherited();
  before.releaseClaims();
  await claimed;
  const third = new Ports("127.0.0.1", 0, { claims: claimsOf() });
  await expect(third.assign("default/a", listening.port, new Set())).rejects.toMatchObject({ code: "APP_PORT_IN_USE" });
  // What was given back is as any other port from then on.
  after.release("default/a");
  await expect(after.assign("default/a", listening.port, new Set())).rejects.toMatchObject({ code: "APP_PORT_IN_USE" });
  listening.close();
});
