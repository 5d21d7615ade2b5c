import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startFakeRegistry, type FakeRegistry } from "../../oci/registry/fake-registry.ts";
import { repositoryFile } from "../harness.ts";
import { needTools, terminalScript } from "./tools.ts";

/*
 * `wasmlet login` on a terminal of its own, which `script` of util-linux makes.
 */

const PASSWORD = "correct horse battery staple";
const MAX_SESSION_MS = 60_000;

describe.skipIf(!needTools(terminalScript()))("login on a terminal", () => {
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-login-"));
  let registry: FakeRegistry;
  beforeAll(async () => {
    const allowed = `Basic ${Buffer.from(`ada:${PASSWORD}`).toString("base64")}`;
    registry = await startFakeRegistry((request, response) =>
      request.headers.authorization === allowed
        ? response.end("{}")
        : response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end(),
    );
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Logs in and types `keys` when the password is asked for; returns what was on the screen, and how the terminal was left. */
  async function typeAtLogin(
    keys: string,
    config: string,
  ): Promise<{ screen: string; status: string; settings: string }> {
    const wasmlet = `"${process.execPath}" "${repositoryFile("cli/wasmlet.mjs")}" login ${registry.host} -u ada`;
    const command = `${wasmlet}; echo "status=$?"; stty -a`;
    const child = spawn(terminalScript().path ?? "", ["-qec", command, "/dev/null"], {
      env: {
        PATH: process.env["PATH"],
        SHELL: "/bin/sh",
        TERM: "xterm",
        DOCKER_CONFIG: join(folder, config),
        WASMLET_CACHE: folder,
      },
      timeout: MAX_SESSION_MS,
    });
    let screen = "";
    let isAsked = false;
    for await (const chunk of child.stdout) {
      screen += String(chunk);
      if (isAsked || !screen.includes(`password for ada@${registry.host}: `)) continue;
      isAsked = true;
      child.stdin.write(keys);
    }
    const [shown = "", status = "", settings = ""] = screen.split(/status=(\d+)\r?\n/);
    return { screen: shown, status, settings };
  }

  test("the password is asked for and not shown, and the terminal is left as it was", async () => {
    const { screen, status, settings } = await typeAtLogin(`${PASSWORD}\r`, "kept");
    expect([status, screen]).toEqual(["0", expect.stringContaining(`logged in to ${registry.host} as ada`)]);
    for (const word of PASSWORD.split(" ")) expect(screen).not.toContain(word);
    expect(settings).toMatch(/ icanon /);
    expect(settings).toMatch(/ echo /);
    expect(readFileSync(join(folder, "kept", "config.json"), "utf8")).toContain(registry.host);
  });

  test("Ctrl-C ends it at once as a signal does, and the terminal is left as it was", async () => {
    const asked = registry.requests.length;
    const { screen, status, settings } = await typeAtLogin("correct\u0003", "given-up");
    expect(status).toBe("130");
    expect(screen).not.toContain("correct");
    expect(settings).toMatch(/ icanon /);
    expect(settings).toMatch(/ echo /);
    expect(registry.requests).toHaveLength(asked);
    expect(existsSync(join(folder, "given-up"))).toBe(false);
  });

  test("Ctrl-D is no password", async () => {
    const { status, settings } = await typeAtLogin("\u0004", "none");
    expect(status).not.toBe("0");
    expect(settings).toMatch(/ echo /);
  });
});
