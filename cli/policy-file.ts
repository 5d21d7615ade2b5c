import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { messageOf, WasmletError } from "../common/errors.ts";
import { readPolicy, type Policy } from "../oci/policy/policy.ts";

/** Reads a policy from a YAML or JSON file; throws CLI_FILE_UNREADABLE and OCI_POLICY_INVALID. */
export function readPolicyFile(file: string): Policy {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new WasmletError("CLI_FILE_UNREADABLE", `the policy cannot be read: ${messageOf(cause)}`, {
      where: file,
      cause,
    });
  }
  return readPolicy(parseYaml(text, file), file);
}

function parseYaml(text: string, where: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new WasmletError("OCI_POLICY_INVALID", `the policy is no YAML: ${messageOf(cause)}`, { where, cause });
  }
}
