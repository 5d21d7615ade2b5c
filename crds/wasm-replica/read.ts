import { applyDefaults } from "../schema/defaults.ts";
import { type FieldProblem, isWithin } from "../schema/field-problem.ts";
import { checkRules } from "../schema/rules.ts";
import type { SchemaNode } from "../schema/schema-node.ts";
import { checkStructure } from "../schema/structure.ts";
import { ReplicaSpec } from "./definition.ts";
import type { WasmReplicaSpec } from "./types.ts";

const SPEC_SCHEMA = ReplicaSpec as unknown as SchemaNode;

/** What reading a value as a replica's spec gave: the spec with its defaults, or everything that is wrong with it. */
export type ReplicaSpecVerdict = { spec: WasmReplicaSpec; problems: [] } | { spec?: never; problems: FieldProblem[] };

/**
 * Judges a value of any origin as the spec of a WasmReplica. A field that is not known is no problem: the API server fills
 * in the defaults of a newer definition, which an older node runtime also gets to see.
 */
export function readReplicaSpec(value: unknown): ReplicaSpecVerdict {
  const spec = applyDefaults(value, SPEC_SCHEMA);
  const structural = checkStructure(spec, SPEC_SCHEMA).filter(({ code }) => code !== "MANIFEST_UNKNOWN_FIELD");
  const broken = checkRules(spec, SPEC_SCHEMA, (path) => structural.some((problem) => isWithin(problem.path, path)));
  const problems = [...structural, ...broken];
  return problems.length === 0 ? { spec: spec as WasmReplicaSpec, problems: [] } : { problems };
}
