import type { Secret } from "../../common/secret.ts";

/** What a registry knows its user by. */
export type Credentials =
  | { kind: "password"; username: string; password: Secret }
  /** A token that is exchanged for others (docker's `identitytoken`). */
  | { kind: "identity-token"; token: Secret }
  /** A token that is sent as it is (docker's `registrytoken`). */
  | { kind: "registry-token"; token: Secret };

/** Finds the credentials for a repository of a registry; none means to go without. */
export type CredentialSource = (registry: string, repository: string) => Promise<Credentials | undefined>;

/** Returns the value of a Basic Authorization header. */
export function basicAuthorization(username: string, password: Secret): string {
  return `Basic ${Buffer.from(`${username}:${password.reveal()}`, "utf8").toString("base64")}`;
}

/** Returns what must not be shown of an Authorization header: its value, and a password inside. */
export function secretsIn(authorization: string | undefined): string[] {
  if (authorization === undefined) return [];
  const [scheme = "", value = ""] = authorization.split(" ", 2);
  if (scheme !== "Basic") return [value];
  const pair = Buffer.from(value, "base64").toString("utf8");
  return [value, pair.slice(pair.indexOf(":") + 1)].filter((secret) => secret !== "");
}
