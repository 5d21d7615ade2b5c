import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findFreePorts } from "../../common/ports.ts";
import type { Driver, Running } from "../driver.ts";
import { openProcess } from "../drivers/process.ts";
import { awaitAnswer } from "../first-answer.ts";
import { kill } from "../processes.ts";
import { Probe } from "../probe.ts";

describe.skipIf(process.platform !== "linux")("program for Node.js", () => {
  let probe: Probe;
  let native: Driver;
  let running: Running;
  let child: ChildProcess;
  let url: string;

  beforeAll(async () => {
    probe = await Probe.start();
    native = await openProcess();
    running = await native.start(probe);
    const [port] = await findFreePorts("127.0.0.1", 1);
    child = spawn(process.execPath, [fileURLToPath(new URL("server.mjs", import.meta.url))], {
      env: { PORT: String(port) },
    });
    await once(child.stdout!, "data");
    url = `http://127.0.0.1:${port}/`;
    await awaitAnswer(url);
  });
  afterAll(async () => {
    await kill(child);
    await running.stop();
    await native[Symbol.asyncDispose]();
    await probe[Symbol.asyncDispose]();
  });

  test.each(["/", "/compute?rounds=3", "/compute", "/nowhere"])("answers %s as the native one does", async (path) => {
    expect(await ask(url, path)).toBe(await ask(running.url, path));
  });

  test("tells its memory in bytes", async () => {
    expect(await ask(url, "/memory")).toMatch(/^200 \d{7,}\n$/);
  });

  test("finds out about the machine what the native one does", async () => {
    const path = `/reach?port=${new URL(running.url).port}`;
    expect(await ask(url, path)).toBe(await ask(running.url, path));
    expect(await ask(url, "/reach?port=1")).toContain("loopback=no\n");
  });
});

async function ask(base: string, path: string): Promise<string> {
  const response = await fetch(new URL(path, base));
  return `${response.status} ${await response.text()}`;
}
