import { WasmletError } from "../common/errors.ts";
import type { SecretObject } from "../kube/resources.ts";
import { readDockerConfig, type DockerConfig } from "../oci/docker-config/config-file.ts";

const KEY = ".dockerconfigjson";
const FIX = "Make it anew, as `kubectl create secret docker-registry` does.";

/**
 * Returns the docker configuration in a Secret; throws APP_REFERENCE_MISSING and OCI_CONFIG_INVALID, which name the Secret
 * and never show what is in it.
 */
export function pullSecretOf(secret: SecretObject | undefined, namespace: string, name: string): DockerConfig {
  const where = `namespace ${namespace}`;
  if (secret === undefined) {
    const fix = "Create it, or correct spec.source.oci.imagePullSecrets.";
    throw new WasmletError("APP_REFERENCE_MISSING", `the Secret ${name} is not there`, { where, fix });
  }
  const text = secret.data?.[KEY];
  if (text === undefined) {
    throw new WasmletError("APP_REFERENCE_MISSING", `the Secret ${name} has no key ${KEY}`, { where, fix: FIX });
  }
  try {
    return readDockerConfig(Buffer.from(text, "base64"), `Secret ${name}`);
  } catch (thrown) {
    if (!(thrown instanceof WasmletError)) throw thrown;
    const { expected = "something else" } = thrown.details;
    const message = `${KEY} in the Secret ${name} is no docker configuration: expected ${expected}`;
    throw new WasmletError(thrown.code, message, { where, fix: FIX, cause: thrown });
  }
}
