import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { expect, test } from "vitest";
import { readConfig } from "../config/config.ts";
import { addRegistryOptions, isReference, registriesOf, type RegistryFlags } from "./registry-options.ts";

test.each([
  ["ghcr.io/example/hello:1", true],
  ["localhost/hello", true],
  ["localhost:5000/hello", true],
  ["[::1]:5000/hello", true],
  ["hello", false],
  ["hello:1", false],
  ["guests/hello", false],
  ["./ghcr.io/hello", false],
  ["../hello.io/x", false],
  ["/srv/hello.io/x", false],
  ["dist.d/hello.wasm", false],
  [fileURLToPath(import.meta.url), false],
])("registry options: %s is a reference: %s", (text, expected) => {
  expect(isReference(text)).toBe(expected);
});

function parse(...args: string[]): RegistryFlags {
  const command = addRegistryOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse(args, { from: "user" }).opts();
}

test("registry options: mirrors keep their order, and the environment names the proxies", async () => {
  const flags = parse("--mirror", "docker.io=a.test", "--mirror", "docker.io=b.test:5000", "--plain-http", "c.test");
  const options = await registriesOf(flags, readConfig({ https_proxy: "http://proxy.test" }, "/home/ada"));
  expect(options.mirrors).toEqual(new Map([["docker.io", ["a.test", "b.test:5000"]]]));
  expect(options.plainHttp).toEqual(["c.test"]);
  expect(options.proxy).toEqual({ https: "http://proxy.test" });
});

test.each([
  ["--plain-http", "http://c.test"],
  ["--mirror", "docker.io"],
  ["--mirror", "docker.io=http://a.test"],
  ["--registry-ca", "/that/is/missing.pem"],
  ["--registry-ca", fileURLToPath(new URL("../package.json", import.meta.url))],
])("registry options: %s %s is refused", (...args) => {
  expect(() => parse(...args)).toThrow(expect.objectContaining({ code: "commander.invalidArgument" }));
});

test("registry options: a policy is read from YAML", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-policy-"));
  const file = join(folder, "policy.yaml");
  const config = readConfig({}, "/home/ada");
  writeFileSync(file, "rules:\n  - name: ours\n    repositories: [ghcr.io/example/**]\n");
  expect((await registriesOf({ policy: file }, config)).policy?.rules.map(({ name }) => name)).toEqual(["ours"]);
  writeFileSync(file, "rules: [");
  await expect(registriesOf({ policy: file }, config)).rejects.toHaveProperty("code", "OCI_POLICY_INVALID");
  rmSync(folder, { recursive: true });
  await expect(registriesOf({ policy: file }, config)).rejects.toHaveProperty("code", "CLI_FILE_UNREADABLE");
});
