import { Type } from "typebox";
import { keyedBy, oneOf } from "./builders.ts";

const Condition = Type.Object(
  {
    type: Type.String({
      description: "Type of the condition: `Ready`, `Progressing` or `Degraded`.",
      minLength: 1,
      maxLength: 316,
    }),
    status: oneOf(["True", "False", "Unknown"], { description: "Whether it holds." }),
    observedGeneration: Type.Optional(
      Type.Integer({ description: "Generation of the spec that it speaks of.", minimum: 0 }),
    ),
    lastTransitionTime: Type.String({ description: "When its status last changed, in RFC 3339.", maxLength: 64 }),
    reason: Type.String({ description: "Why, in one CamelCase word.", minLength: 1, maxLength: 1024 }),
    message: Type.String({ description: "Why, in a sentence.", maxLength: 32_768 }),
  },
  { description: "One condition." },
);

/** What the operator reports. */
export const Status = Type.Object(
  {
    observedGeneration: Type.Optional(
      Type.Integer({ description: "Generation of the spec that this status speaks of.", minimum: 0 }),
    ),
    conditions: Type.Optional(
      Type.Array(Condition, { description: "Conditions of the app.", maxItems: 16, ...keyedBy("type") }),
    ),
    replicas: Type.Optional(Type.Integer({ description: "Nodes that the app is placed on.", minimum: 0 })),
    readyReplicas: Type.Optional(Type.Integer({ description: "Nodes on which it is ready.", minimum: 0 })),
    selector: Type.Optional(
      Type.String({ description: "Label selector of its WasmReplicas, for the scale subresource.", maxLength: 1024 }),
    ),
    url: Type.Optional(Type.String({ description: "Where it answers in the cluster.", maxLength: 2048 })),
    digest: Type.Optional(
      Type.String({ description: "Digest of the program that runs, as `sha256:…`.", maxLength: 128 }),
    ),
    startP50: Type.Optional(
      Type.String({ description: "Median time of a start, from request to first answer, as `0.4ms`.", maxLength: 32 }),
    ),
  },
  { description: "What Wasmlet reports about the app." },
);
