import type { CredentialSource, Credentials } from "../registry/credentials.ts";
import { credentialsOf, type DockerConfig } from "./config-file.ts";
import { askHelper, type HelperRunner } from "./helper.ts";
import { keyOf, matchKeys } from "./registry-key.ts";

/** Finds credentials in Secrets of type `kubernetes.io/dockerconfigjson`, in order; helpers named there are not run. */
export function credentialsOfSecrets(secrets: readonly DockerConfig[]): CredentialSource {
  return async (registry, repository) => {
    for (const secret of secrets) {
      const found = findEntry(secret, registry, repository);
      if (found !== undefined) return found;
    }
    return Promise.resolve(undefined);
  };
}

/**
 * Finds a user's credentials as docker does: from the helper of the registry, else the helper of all, else the file itself.
 * Throws OCI_CREDENTIAL_HELPER.
 */
export function credentialsOfUser(config: DockerConfig, run: HelperRunner): CredentialSource {
  return async (registry, repository) => {
    const helper = helperOf(config, registry);
    const kept = helper === undefined ? undefined : await askHelper(helper, keyOf(registry), run);
    return kept ?? findEntry(config, registry, repository);
  };
}

/** Returns the helper that keeps a registry's credentials, if one does. */
export function helperOf({ credHelpers = {}, credsStore = "" }: DockerConfig, registry: string): string | undefined {
  const [key] = matchKeys(Object.keys(credHelpers), registry, "");
  return key === undefined ? credsStore || undefined : credHelpers[key];
}

function findEntry({ auths = {} }: DockerConfig, registry: string, repository: string): Credentials | undefined {
  for (const key of matchKeys(Object.keys(auths), registry, repository)) {
    const found = credentialsOf(auths[key] ?? {});
    if (found !== undefined) return found;
  }
  return undefined;
}
