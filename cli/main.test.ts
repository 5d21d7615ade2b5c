import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { COMMANDS } from "./commands.ts";

const LAUNCHER = fileURLToPath(new URL("wasmlet.mjs", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

function wasmlet(
  args: string[],
  { input = "", env = {} }: { input?: string; env?: Record<string, string> } = {},
): Result {
  const { PATH = "" } = process.env;
  return spawnSync(process.execPath, [LAUNCHER, ...args], { encoding: "utf8", input, env: { PATH, ...env } });
}

test.each([[["--help"]], [["-h"]], [["help"]], [[]]])("wasmlet %j: shows every command", (args) => {
  const { status, stdout, stderr } = wasmlet(args);
  expect([status, stderr]).toEqual([0, ""]);
  for (const { name, summary } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, "m"));
});

test.each(COMMANDS.map(({ name }) => name))("wasmlet %s --help: has a usage and examples", (name) => {
  const { status, stdout } = wasmlet([name, "--help"]);
  expect(status).toBe(0);
  expect(stdout).toContain(`Usage: wasmlet ${name}`);
  expect(stdout).toMatch(new RegExp(`Examples:\n( {2}.*\n)* {2}.*wasmlet ${name}`));
});

test("wasmlet --version: is the package's", () => {
  expect(wasmlet(["--version"]).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each([
  [["serv"], "error: CLI_USAGE: unknown command 'serv'\n  fix: Did you mean serve? See `wasmlet --help`.\n"],
  [
    ["validate"],
    "error: CLI_USAGE: missing required argument 'file'\n  expected: wasmlet validate [options] <file...>\n  fix: See `wasmlet validate --help`.\n",
  ],
  [
    ["get", "pods"],
    "error: CLI_USAGE: <resource> can't be 'pods'\n  expected: one of: apps\n  fix: See `wasmlet get --help`.\n",
  ],
  [
    ["get", "apps", "-o", "xml"],
    "error: CLI_USAGE: -o, --output <format> can't be 'xml'\n  expected: one of: table, wide, json, yaml\n  fix: See `wasmlet get --help`.\n",
  ],
  [
    ["serve", ".", "--port-base", "many"],
    "error: CLI_USAGE: --port-base <port> can't be 'many'\n  expected: a port from 0 to 65535\n  fix: See `wasmlet serve --help`.\n",
  ],
  [
    ["serve", ".", "--hots", "x"],
    "error: CLI_USAGE: unknown option '--hots'\n  fix: Did you mean --host? See `wasmlet serve --help`.\n",
  ],
  [
    ["run", "--dir", "/nowhere", "x.wasm"],
    "error: CLI_USAGE: --dir <HOST[::GUEST]> can't be '/nowhere': There is no folder /nowhere.\n  fix: See `wasmlet run --help`.\n",
  ],
])("wasmlet %j: is a usage error", (args, expected) => {
  expect(wasmlet(args)).toMatchObject({ status: 2, stdout: "", stderr: expected });
});

test("wasmlet through npm: what to do is written as it can be typed there", () => {
  const env = { npm_package_name: "wasmlet", npm_lifecycle_event: "wasmlet" };
  expect(wasmlet(["get", "pods"], { env }).stderr).toContain("See `npm run wasmlet -- get --help`.");
});

test("wasmlet -o json: errors are JSON too", () => {
  const { status, stderr } = wasmlet(["get", "pods", "-o", "json"]);
  expect(status).toBe(2);
  expect(JSON.parse(stderr)).toEqual({ error: expect.objectContaining({ code: "CLI_USAGE" }) });
});

test("wasmlet: an invalid environment is an error of its own", () => {
  const { status, stderr } = wasmlet(["validate", EXAMPLES], { env: { WASMLET_CACHE: "relative" } });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: CONFIG_INVALID: WASMLET_CACHE: expected an absolute path/);
});

test("wasmlet validate: the examples are valid", () => {
  const { status, stdout } = wasmlet(["validate", EXAMPLES]);
  expect([status, stdout]).toEqual([0, "13 files, 13 valid apps: no problems\n"]);
});

test("wasmlet validate -: problems come with their place, and exit with 1", () => {
  const input = "apiVersion: wasmlet.dev/v1alpha1\nkind: WasmAp\n";
  const text = wasmlet(["validate", "-"], { input });
  expect(text.status).toBe(1);
  expect(text.stdout).toMatch(/^<stdin>:2:7: kind: .*did you mean WasmApp\?\n {2}fix: /);
  const json = wasmlet(["validate", "-", "-o", "json"], { input });
  expect(json.status).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({
    valid: false,
    problems: [{ code: "MANIFEST_KIND", file: "<stdin>", line: 2, column: 7 }],
  });
});
