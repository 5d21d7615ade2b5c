import { execFile } from "node:child_process";
import * as v from "valibot";
import { WasmletError } from "../../common/errors.ts";
import { Secret } from "../../common/secret.ts";
import { parseJson } from "../manifest.ts";
import type { Credentials } from "../registry/credentials.ts";

/*
 * Credential helpers: `docker-credential-NAME get|store|erase`, which read a registry's key or credentials from standard
 * input and write JSON to standard output (https://github.com/docker/docker-credential-helpers).
 */

const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 256 * 1024;
/** The user name that says that the secret is an identity token. */
const TOKEN_USER = "<token>";
/** Every helper says it in these words. */
const NOT_FOUND = "credentials not found in native keychain";

const Answer = v.object({ Username: v.string(), Secret: v.string() });

/** What a helper did: its exit code, and the words it is known by. */
interface HelperOutcome {
  /** Undefined where it could not be started or had to be stopped. */
  exitCode: number | undefined;
  output: string;
}

/** Runs a helper. */
export type HelperRunner = (name: string, action: "get" | "store" | "erase", input: string) => Promise<HelperOutcome>;

/** Runs a helper that is on PATH, without a shell. */
export const runHelper: HelperRunner = (name, action, input) =>
  new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, encoding: "utf8" } as const;
    const child = execFile(`docker-credential-${name}`, [action], options, (error, output) => {
      const { code } = error ?? { code: 0 };
      resolve({ exitCode: typeof code === "number" ? code : undefined, output });
    });
    // One that ends without reading is known by its exit code.
    child.stdin?.on("error", () => {}).end(input);
  });

/** Asks a helper for the credentials that it keeps under a key; undefined where it keeps none. Throws OCI_CREDENTIAL_HELPER. */
export async function askHelper(name: string, key: string, run: HelperRunner): Promise<Credentials | undefined> {
  const { exitCode, output } = await run(name, "get", key);
  if (exitCode !== 0) {
    if (output.trim().startsWith(NOT_FOUND)) return undefined;
    throw helperError(name, "get", exitCode);
  }
  const answer = v.safeParse(
    Answer,
    parseJson(Buffer.from(output), () => helperError(name, "get", "no JSON")),
  );
  if (!answer.success) throw helperError(name, "get", "JSON without Username and Secret");
  const { Username: username, Secret: secret } = answer.output;
  if (username === TOKEN_USER) return { kind: "identity-token", token: new Secret(secret) };
  return { kind: "password", username, password: new Secret(secret) };
}

/** Gives a helper credentials to keep, or lets it forget them. Throws OCI_CREDENTIAL_HELPER. */
export async function tellHelper(
  name: string,
  key: string,
  credentials: { username: string; password: Secret } | undefined,
  run: HelperRunner,
): Promise<void> {
  const action = credentials === undefined ? "erase" : "store";
  const input =
    credentials === undefined
      ? key
      : JSON.stringify({ ServerURL: key, Username: credentials.username, Secret: credentials.password.reveal() });
  const { exitCode, output } = await run(name, action, input);
  if (exitCode === 0 || (credentials === undefined && output.trim().startsWith(NOT_FOUND))) return;
  throw helperError(name, action, exitCode);
}

/** What a helper prints is not shown: it may be what it keeps. */
function helperError(name: string, action: string, actual: string | number | undefined): WasmletError {
  return new WasmletError("OCI_CREDENTIAL_HELPER", `the credential helper docker-credential-${name} failed`, {
    where: `docker-credential-${name} ${action}`,
    expected: "exit code 0 and JSON",
    actual: typeof actual === "string" ? actual : actual === undefined ? "it did not run" : `exit code ${actual}`,
  });
}
