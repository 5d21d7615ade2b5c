import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { messageOf, systemCodeOf, WasmletError } from "../../common/errors.ts";
import type { Secret } from "../../common/secret.ts";
import { readDockerConfig, type DockerConfig } from "./config-file.ts";
import { helperOf } from "./credential-source.ts";
import { tellHelper, type HelperRunner } from "./helper.ts";
import { keyOf, matchKeys } from "./registry-key.ts";

/** Reads the user's docker configuration; an empty one where there is no file. Throws OCI_CONFIG_INVALID. */
export function readUserConfig(file: string): DockerConfig {
  try {
    return readDockerConfig(readFileSync(file), file);
  } catch (cause) {
    if (cause instanceof WasmletError) throw cause;
    if (systemCodeOf(cause) === "ENOENT") return {};
    throw unusable(file, "read", cause);
  }
}

/** What is known of a user. */
export interface Login {
  username: string;
  password: Secret;
}

/**
 * Keeps credentials for a registry: with the helper that the configuration names for it, else in the file, which nobody
 * else may read. Everything else in the file stays. Returns where they are kept. Throws OCI_CONFIG_INVALID and
 * OCI_CREDENTIAL_HELPER.
 */
export async function saveLogin(file: string, registry: string, login: Login, run: HelperRunner): Promise<string> {
  const config = readUserConfig(file);
  const helper = helperOf(config, registry);
  if (helper !== undefined) {
    await tellHelper(helper, keyOf(registry), login, run);
    return `docker-credential-${helper}`;
  }
  const auth = Buffer.from(`${login.username}:${login.password.reveal()}`, "utf8").toString("base64");
  writeUserConfig(file, { ...config, auths: { ...config.auths, [keyOf(registry)]: { auth } } });
  return file;
}

/** Forgets a registry's credentials; returns whether there were some in the file. Throws like `saveLogin`. */
export async function removeLogin(file: string, registry: string, run: HelperRunner): Promise<boolean> {
  const config = readUserConfig(file);
  const helper = helperOf(config, registry);
  if (helper !== undefined) await tellHelper(helper, keyOf(registry), undefined, run);
  const { auths = {} } = config;
  // Those for a path within the registry, or for many, were not made by logging in to it.
  const gone = new Set(matchKeys(Object.keys(auths), registry, "").filter((key) => !key.includes("*")));
  if (gone.size === 0) return helper !== undefined;
  const left = Object.fromEntries(Object.entries(auths).filter(([key]) => !gone.has(key)));
  writeUserConfig(file, { ...config, auths: left });
  return true;
}

/** Replaces the file as a whole, for its owner alone; a link to it stays a link. */
function writeUserConfig(file: string, config: DockerConfig): void {
  let temporary: string | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const target = realPathOf(file);
    temporary = `${target}.${randomUUID()}`;
    const handle = openSync(temporary, "wx", 0o600);
    try {
      writeFileSync(handle, `${JSON.stringify(config, null, 2)}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    chmodSync(temporary, 0o600);
    renameSync(temporary, target);
  } catch (cause) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    throw unusable(file, "written", cause);
  }
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // not there yet
  }
}

function unusable(file: string, verb: string, cause: unknown): WasmletError {
  return new WasmletError("OCI_CONFIG_INVALID", `the docker configuration cannot be ${verb}: ${messageOf(cause)}`, {
    where: file,
    fix: "Check its permissions, or name another folder in DOCKER_CONFIG.",
    cause,
  });
}
