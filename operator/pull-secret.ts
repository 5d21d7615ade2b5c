import { WasmletError } from "../common/errors.ts";
import type { SecretObject } from "../kube/resources.ts";

const KEY = ".dockerconfigjson";

/** Returns the docker configuration in a Secret; throws APP_REFERENCE_MISSING, which never shows what is in it. */
export function pullSecretOf(secret: SecretObject | undefined, namespace: string, name: string): Uint8Array {
  const text = secret?.data?.[KEY];
  if (text !== undefined) return Buffer.from(text, "base64");
  const what = secret === undefined ? `Secret ${name}` : `key ${KEY} in Secret ${name}`;
  throw new WasmletError("APP_REFERENCE_MISSING", `${what} is not there`, { where: `namespace ${namespace}` });
}
