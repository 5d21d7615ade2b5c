import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, expect, test } from "vitest";
import { WasmletError } from "../../common/errors.ts";
import { Secret } from "../../common/secret.ts";
import type { Credentials } from "../registry/credentials.ts";
import { readDockerConfig, type DockerConfig } from "./config-file.ts";
import { credentialsOfSecrets, credentialsOfUser } from "./credential-source.ts";
import { runHelper, type HelperRunner } from "./helper.ts";
import { matchKeys } from "./registry-key.ts";
import { readUserConfig, removeLogin, saveLogin } from "./user-file.ts";

const folder = mkdtempSync(join(tmpdir(), "wasmlet-docker-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const noHelper: HelperRunner = () => Promise.reject(new Error("no helper is to be run"));
const LOGIN = { username: "ada", password: new Secret("p:w") };

function auth(username: string, password: string): { auth: string } {
  return { auth: Buffer.from(`${username}:${password}`).toString("base64") };
}

function shown(credentials: Credentials | undefined): string | undefined {
  if (credentials === undefined) return undefined;
  return credentials.kind === "password"
    ? `${credentials.username}:${credentials.password.reveal()}`
    : `${credentials.kind} ${credentials.token.reveal()}`;
}

test.each([
  ["ghcr.io", ["ghcr.io", "other.io"], ["ghcr.io"]],
  [
    "ghcr.io",
    ["https://ghcr.io/v2/", "ghcr.io/team", "ghcr.io/team/app", "ghcr.io/te"],
    ["ghcr.io/team/app", "ghcr.io/team", "https://ghcr.io/v2/"],
  ],
  ["docker.io", ["https://index.docker.io/v1/", "docker.io"], ["https://index.docker.io/v1/", "docker.io"]],
  [
    "a.example.com",
    ["*.example.com", "a.example.com", "*.com", "a*.example.com"],
    ["a.example.com", "*.example.com", "a*.example.com"],
  ],
  ["a.example.com:5000", ["*.example.com", "*.example.com:5000"], ["*.example.com:5000"]],
  ["[::1]:5000", ["[::1]:5000", "[::1]"], ["[::1]:5000"]],
  ["ghcr.io", ["evil-ghcr.io", "ghcr.io.evil", "GHCR.IO"], ["GHCR.IO"]],
])("docker config: for %s of %j the keys are %j", (registry, keys, expected) => {
  expect(matchKeys(keys, registry, "team/app")).toEqual(expected);
});

test.each<[DockerConfig["auths"], string | undefined]>([
  [{ "ghcr.io": auth("ada", "p:w") }, "ada:p:w"],
  [{ "ghcr.io": { username: "ada", password: "pw" } }, "ada:pw"],
  [{ "ghcr.io": { ...auth("ada", ""), identitytoken: "refresh" } }, "identity-token refresh"],
  [{ "ghcr.io": { registrytoken: "bearer" } }, "registry-token bearer"],
  [{ "ghcr.io": {} }, undefined],
  [{ "ghcr.io": {}, "*.io": auth("bob", "pw") }, "bob:pw"],
  [{ "ghcr.io": { auth: "!!!" } }, undefined],
  [{}, undefined],
])("docker config: the credentials of %j are %s", async (auths, expected) => {
  expect(shown(await credentialsOfUser({ auths }, noHelper)("ghcr.io", "team/app"))).toBe(expected);
});

test("docker config: pull secrets are tried in order, and their helpers are not run", async () => {
  const secrets = [
    { credsStore: "evil", auths: { "other.io": auth("eve", "x") } },
    { auths: { "ghcr.io/team": auth("ada", "pw") } },
    { auths: { "ghcr.io": auth("bob", "pw") } },
  ];
  const find = credentialsOfSecrets(
    secrets.map((secret) => readDockerConfig(Buffer.from(JSON.stringify(secret)), "secret")),
  );
  expect(shown(await find("ghcr.io", "team/app"))).toBe("ada:pw");
  expect(shown(await find("ghcr.io", "app"))).toBe("bob:pw");
  expect(await find("quay.io", "app")).toBeUndefined();
});

test("docker config: a registry's helper comes before the helper of all, and that before the file", async () => {
  const asked: string[] = [];
  const run: HelperRunner = (name, action, input) => {
    asked.push(`${name} ${action} ${input}`);
    if (input !== "ghcr.io")
      return Promise.resolve({ exitCode: 1, output: "credentials not found in native keychain\n" });
    return Promise.resolve({
      exitCode: 0,
      output: JSON.stringify({ ServerURL: input, Username: "<token>", Secret: "t" }),
    });
  };
  const config = { credHelpers: { "ghcr.io": "own" }, credsStore: "all", auths: { "docker.io": auth("ada", "pw") } };
  const find = credentialsOfUser(config, run);
  expect(shown(await find("ghcr.io", "app"))).toBe("identity-token t");
  expect(shown(await find("docker.io", "library/app"))).toBe("ada:pw");
  expect(asked).toEqual(["own get ghcr.io", "all get https://index.docker.io/v1/"]);
});

test.each([
  [{ exitCode: 1, output: "locked: password=hunter2" }, "exit code 1"],
  [{ exitCode: undefined, output: "" }, "it did not run"],
  [{ exitCode: 0, output: "hunter2" }, "no JSON"],
  [{ exitCode: 0, output: '{"Secret":"hunter2"}' }, "JSON without Username and Secret"],
])(
  "docker config: a helper that ends with %j is OCI_CREDENTIAL_HELPER, and what it says is not shown",
  async (outcome, actual) => {
    const find = credentialsOfUser({ credsStore: "x" }, () => Promise.resolve(outcome));
    const error: unknown = await find("ghcr.io", "app").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "OCI_CREDENTIAL_HELPER", details: { actual } });
    expect(inspect(error)).not.toContain("hunter2");
  },
);

test("docker config: a helper is a program on PATH that reads standard input", async () => {
  const file = join(folder, "docker-credential-test");
  writeFileSync(file, '#!/bin/sh\nread key\necho "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"$key\\"}"\n');
  chmodSync(file, 0o755);
  const path = process.env["PATH"];
  process.env["PATH"] = `${folder}:${path}`;
  try {
    const find = credentialsOfUser({ credsStore: "test" }, runHelper);
    expect(shown(await find("ghcr.io", "app"))).toBe("get:ghcr.io");
    expect(await runHelper("that-is-missing", "get", "ghcr.io")).toEqual({ exitCode: undefined, output: "" });
  } finally {
    process.env["PATH"] = path;
  }
});

test.each([
  ["[]", "an object in JSON"],
  ['{"auths":{"ghcr.io":{"auth":7}}}', "string at auths.ghcr.io.auth"],
  ['{"credsStore":"../evil"}', "credsStore"],
  [`{"auths":"${"hunter2".repeat(10)}"}`, "at auths"],
])("docker config: %s is OCI_CONFIG_INVALID, and its content is not shown", (text, expected) => {
  const error = ((): unknown => {
    try {
      return readDockerConfig(Buffer.from(text), "config.json");
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toBeInstanceOf(WasmletError);
  expect(error).toMatchObject({ code: "OCI_CONFIG_INVALID", details: { expected: expect.stringContaining(expected) } });
  expect(inspect(error)).not.toContain("hunter2");
});

test("contract: logging in writes what docker reads, for the owner alone, and leaves the rest as it is", async () => {
  const file = join(folder, "new", "config.json");
  expect(readUserConfig(file)).toEqual({});
  expect(await saveLogin(file, "ghcr.io", LOGIN, noHelper)).toBe(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ auths: { "ghcr.io": auth("ada", "p:w") } });
  writeFileSync(file, JSON.stringify({ HttpHeaders: { a: "b" }, auths: { "quay.io": { auth: "x", email: "e" } } }));
  chmodSync(file, 0o644);
  await saveLogin(file, "docker.io", LOGIN, noHelper);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
    HttpHeaders: { a: "b" },
    auths: { "quay.io": { auth: "x", email: "e" }, "https://index.docker.io/v1/": auth("ada", "p:w") },
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await removeLogin(file, "docker.io", noHelper)).toBe(true);
  expect(await removeLogin(file, "docker.io", noHelper)).toBe(false);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ auths: { "quay.io": { auth: "x", email: "e" } } });
  expect(readdirSync(join(folder, "new"))).toEqual(["config.json"]);
});

test("docker config: a configured helper keeps the login instead of the file", async () => {
  const file = join(folder, "helper.json");
  writeFileSync(file, JSON.stringify({ credsStore: "all" }));
  const asked: string[] = [];
  const run: HelperRunner = (name, action, input) => {
    asked.push(`${name} ${action} ${input}`);
    return Promise.resolve({ exitCode: 0, output: "" });
  };
  expect(await saveLogin(file, "ghcr.io", LOGIN, run)).toBe("docker-credential-all");
  expect(await removeLogin(file, "ghcr.io", run)).toBe(true);
  expect(asked).toEqual(['all store {"ServerURL":"ghcr.io","Username":"ada","Secret":"p:w"}', "all erase ghcr.io"]);
  expect(readFileSync(file, "utf8")).not.toContain("ada");
});
