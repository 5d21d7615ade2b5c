import type { WasmReplica } from "../objects.ts";
import type { Finding } from "./conditions.ts";

const TYPE = "LimitsHit";

/** Returns what the nodes say of limits that stopped something of the app; nothing where none ever did. */
export function limitsHit(replicas: readonly WasmReplica[]): Finding[] {
  const said = replicas.flatMap(({ spec, status }) => {
    const condition = status?.conditions?.find(({ type }) => type === TYPE);
    return condition === undefined ? [] : [{ node: spec.nodeName, ...condition }];
  });
  const [first] = said;
  if (first === undefined) return [];
  const hit = said.filter(({ status }) => status === "True").toSorted((a, b) => (a.node < b.node ? -1 : 1));
  const [worst, ...others] = hit;
  if (worst === undefined) {
    return [{ type: TYPE, status: "False", reason: first.reason, message: first.message }];
  }
  const more = others.length === 0 ? "" : `; and on ${others.length} more`;
  return [{ type: TYPE, status: "True", reason: worst.reason, message: `${worst.node}: ${worst.message}${more}` }];
}
