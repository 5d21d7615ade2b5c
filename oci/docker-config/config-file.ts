import * as v from "valibot";
import { WasmletError } from "../../common/errors.ts";
import { Secret } from "../../common/secret.ts";
import { parseJson } from "../manifest.ts";
import type { Credentials } from "../registry/credentials.ts";

/*
 * Docker's configuration file, as docker, podman and kubectl write it, also as `.dockerconfigjson` in a Secret:
 *
 *   { "auths":       { "ghcr.io": { "auth": "<base64 of user:password>" } },
 *     "credHelpers": { "public.ecr.aws": "ecr-login" },
 *     "credsStore":  "secretservice" }
 */

const MAX_CONFIG_BYTES = 1024 * 1024;

const Text = v.pipe(v.string(), v.maxLength(65_536));
const HelperName = v.pipe(v.string(), v.maxLength(64), v.regex(/^[\w.-]+$/));
const Auth = v.looseObject({
  auth: v.optional(Text),
  username: v.optional(Text),
  password: v.optional(Text),
  identitytoken: v.optional(Text),
  registrytoken: v.optional(Text),
});
const DockerConfig = v.looseObject({
  auths: v.optional(v.record(v.string(), Auth)),
  credHelpers: v.optional(v.record(v.string(), HelperName)),
  credsStore: v.optional(v.union([v.literal(""), HelperName])),
});

/** The configuration, with whatever else is in it. */
export type DockerConfig = v.InferOutput<typeof DockerConfig>;

/** Reads a configuration; throws OCI_CONFIG_INVALID, which never shows what was in it. */
export function readDockerConfig(bytes: Uint8Array, where: string): DockerConfig {
  const invalid = (expected: string): WasmletError =>
    new WasmletError("OCI_CONFIG_INVALID", "the docker configuration is not valid", { where, expected });
  if (bytes.length > MAX_CONFIG_BYTES) throw invalid(`at most ${MAX_CONFIG_BYTES} bytes`);
  const value = parseJson(bytes, () => invalid("an object in JSON"));
  const { success, output, issues } = v.safeParse(DockerConfig, value, { abortEarly: true });
  if (success) return output;
  // The path may name a registry; what is there instead may be a password.
  throw invalid(`${issues[0].expected ?? "another value"} at ${v.getDotPath(issues[0]) ?? "the whole"}`);
}

/** Returns the credentials of an entry; undefined where it has none, as docker leaves entries that a helper keeps. */
export function credentialsOf(auth: v.InferOutput<typeof Auth>): Credentials | undefined {
  const { registrytoken, identitytoken } = auth;
  if (registrytoken !== undefined && registrytoken !== "") {
    return { kind: "registry-token", token: new Secret(registrytoken) };
  }
  if (identitytoken !== undefined && identitytoken !== "") {
    return { kind: "identity-token", token: new Secret(identitytoken) };
  }
  const pair =
    auth.auth === undefined || auth.auth === "" ? undefined : Buffer.from(auth.auth, "base64").toString("utf8");
  const colon = pair?.indexOf(":") ?? -1;
  const username = colon > 0 ? pair?.slice(0, colon) : auth.username;
  // Docker pads some pairs with zeros.
  const password = colon > 0 ? pair?.slice(colon + 1).replace(/\0+$/, "") : auth.password;
  if (username === undefined || username === "" || password === undefined) return undefined;
  return { kind: "password", username, password: new Secret(password) };
}
