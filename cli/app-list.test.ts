import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { fetchApps } from "./app-list.ts";

let server: Server | undefined;

afterEach(() => {
  server?.close();
  server = undefined;
});

/** A management port that gives one answer to everything. */
async function startAnswering(status: number, body: string): Promise<string> {
  const started = createServer((_, response) => response.writeHead(status).end(body));
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

const APP = { namespace: "default", name: "a", kind: "http", state: "Ready", urls: [], restarts: 0, instances: 0 };

test("apps: a list is read, with what a newer runtime adds", async () => {
  const list = { apps: [{ ...APP, later: 1 }], problems: [{ code: "MANIFEST_KIND", message: "kind: no", later: 1 }] };
  const address = await startAnswering(200, JSON.stringify(list));
  expect(await fetchApps(address)).toEqual(list);
});

test.each([
  [500, "{}", "HTTP status 500"],
  [200, "<html>", /is not valid JSON/],
  [200, '{"apps":[{"name":"a"}]}', "something that is not a list of apps"],
])("apps: an answer %d %s is none of a node runtime", async (status, body, actual) => {
  const address = await startAnswering(status, body);
  await expect(fetchApps(address)).rejects.toMatchObject({
    code: "RUNTIME_UNREACHABLE",
    details: { where: `${address}/v1/apps`, actual: expect.stringMatching(actual) },
  });
});

test("apps: a port where nothing listens says so", async () => {
  const address = await startAnswering(200, "");
  await new Promise((resolve) => server?.close(resolve));
  await expect(fetchApps(address)).rejects.toMatchObject({
    code: "RUNTIME_UNREACHABLE",
    details: { actual: expect.stringContaining("ECONNREFUSED") },
  });
});
