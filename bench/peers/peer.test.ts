import { expect, test } from "vitest";
import { findTree } from "../../startup/process-stats.ts";
import { canRun, findFreePort, startServer } from "./peer.ts";

/** A server in a child of the process that is started, as `jco serve` has it. */
function nestedServer(port: number): string {
  const server = `require("node:http").createServer((_, response) => response.end("up")).listen(${port}, "127.0.0.1")`;
  return `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(server)}], {stdio: "inherit"})`;
}

test("peer: a server is stopped with its children", async () => {
  const port = await findFreePort();
  const running = await startServer(process.execPath, ["-e", nestedServer(port)], port);
  expect(await (await fetch(running.url)).text()).toBe("up");
  await running.stop();
  await expect(fetch(running.url)).rejects.toThrow("fetch failed");
});

test.runIf(process.platform === "linux")("peer: the children of a server are found", async () => {
  const port = await findFreePort();
  const running = await startServer(process.execPath, ["-e", nestedServer(port)], port);
  expect(findTree(running.pid)).toHaveLength(2);
  await running.stop();
});

test("peer: a server that ends is an error with what it printed", async () => {
  const port = await findFreePort();
  const code = "console.error('no such flag'); process.exit(3)";
  await expect(startServer(process.execPath, ["-e", code], port)).rejects.toThrow(/ended with 3: no such flag/);
});

test("peer: a command that is not there cannot be run", async () => {
  expect(await canRun("no-such-command-of-wasmlet", [])).toBe(false);
  expect(await canRun(process.execPath, ["-e", ""])).toBe(true);
});
