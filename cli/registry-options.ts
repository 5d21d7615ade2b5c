import { existsSync, readFileSync } from "node:fs";
import { InvalidArgumentError, type Command } from "commander";
import { messageOf } from "../common/errors.ts";
import type { Config } from "../config/config.ts";
import { credentialsOfUser } from "../oci/docker-config/credential-source.ts";
import { runHelper } from "../oci/docker-config/helper.ts";
import { readUserConfig } from "../oci/docker-config/user-file.ts";
import type { RegistrySettings } from "../node-runtime/runtime-api.ts";
import { isRegistry } from "../oci/reference.ts";
import { collect } from "./options.ts";

/** What a command that speaks with registries can be told about them. */
export interface RegistryFlags {
  plainHttp?: string[];
  registryCa?: string[];
  mirror?: [registry: string, host: string][];
  policy?: string;
}

/** Adds the options of `RegistryFlags`. */
export function addRegistryOptions(command: Command): Command {
  return command
    .option("--plain-http <host>", "speak plain HTTP with this registry; may be repeated", collect(readRegistry))
    .option("--registry-ca <file>", "trust the certificates of a PEM file too; may be repeated", collect(readPem))
    .option("--mirror <registry=host>", "ask this host first for a registry; may be repeated", collect(readMirror));
}

/** Adds those and `--policy`, for commands that run or keep what they pull. */
export function addArtifactOptions(command: Command): Command {
  return addRegistryOptions(command).option(
    "--policy <file>",
    "which artifacts may be run, and whose signature they need",
  );
}

/**
 * Returns how registries are reached: as the flags, the environment and the user's docker configuration say. Throws
 * CLI_FILE_UNREADABLE and OCI_POLICY_INVALID.
 */
export async function registriesOf(
  { plainHttp = [], registryCa = [], mirror = [], policy }: RegistryFlags,
  config: Config,
): Promise<RegistrySettings> {
  const mirrors = new Map<string, string[]>();
  for (const [registry, host] of mirror) mirrors.set(registry, [...(mirrors.get(registry) ?? []), host]);
  return {
    plainHttp,
    ca: registryCa,
    mirrors,
    proxy: config.proxy,
    // Read when a registry asks, so that a file which is not valid is no matter where none does.
    credentials: (registry, repository) =>
      credentialsOfUser(readUserConfig(config.dockerConfigFile), runHelper)(registry, repository),
    // Reading YAML takes longer to load than the rest: not for those who have none.
    ...(policy !== undefined && { policy: (await import("./policy-file.ts")).readPolicyFile(policy) }),
  };
}

/** A reference that says which registry it means. */
const WITH_REGISTRY = /^(?:[^/]*[.:][^/]*|localhost)\/[^/]/;

/**
 * True when a command's argument is a reference rather than a path: it names a registry, and no such file is there. Without
 * one it is a path, so that a mistyped name is not asked for on the internet.
 */
export function isReference(text: string): boolean {
  return !existsSync(text) && WITH_REGISTRY.test(text) && !/^\.{0,2}\/|\.wasm$/.test(text);
}

/** Reads a registry: a host with at most a port. */
export function readRegistry(text: string): string {
  if (isRegistry(text)) return text;
  throw new InvalidArgumentError("Expected a host with at most a port, such as registry.example.com:5000.");
}

function readMirror(text: string): [registry: string, host: string] {
  const [registry = "", host = "", ...rest] = text.split("=");
  if (rest.length === 0 && isRegistry(registry) && isRegistry(host)) return [registry, host];
  throw new InvalidArgumentError("Expected REGISTRY=HOST, such as docker.io=mirror.example.com.");
}

function readPem(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (thrown) {
    throw new InvalidArgumentError(`The file cannot be read: ${messageOf(thrown)}.`);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new InvalidArgumentError("Expected a PEM file with certificates.");
}
