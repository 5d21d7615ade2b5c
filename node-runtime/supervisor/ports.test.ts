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
