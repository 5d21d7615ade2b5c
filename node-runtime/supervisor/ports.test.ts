import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
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
