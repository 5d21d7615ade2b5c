import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { digestOf } from "../oci/digest.ts";
import { makeTemporaryFolder, repositoryFile, startTestRuntime, untilApp, type Manifest } from "./harness.ts";

const HELLO = readFileSync(repositoryFile("examples/hello-rust/hello-rust.wasm"));
const cache = makeTemporaryFolder();
afterAll(() => cache.remove());

test("contract: a failure that repeats is logged once, and the app stays in its back-off until it starts", async () => {
  let isThere = false;
  const server = createServer((_, response) => void (isThere ? response.end(HELLO) : response.writeHead(404).end()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hello.wasm`;
  const app: Manifest = {
    apiVersion: "wasmlet.dev/v1alpha1",
    kind: "WasmApp",
    metadata: { name: "hello" },
    spec: { source: { http: { url, sha256: digestOf(HELLO).slice("sha256:".length) } } },
  };
  const runtime = await startTestRuntime([app], cache.path);
  try {
    await untilApp(runtime, "hello", "BackOff");
    await once(server, "request");
    await once(server, "request");
    expect(runtime.apps()).toEqual([expect.objectContaining({ state: "BackOff", reason: "ARTIFACT_FETCH_FAILED" })]);
    isThere = true;
    await untilApp(runtime, "hello", "Ready");
    const said = runtime.lines.filter(({ text }) => text.includes("ARTIFACT_FETCH_FAILED"));
    expect(said).toHaveLength(1);
  } finally {
    await runtime.stop(0);
    server.closeAllConnections();
    server.close();
  }
});
