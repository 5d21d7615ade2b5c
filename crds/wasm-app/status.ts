import { Type } from "typebox";
import { conditions } from "./condition.ts";

/** What the operator reports. */
export const Status = Type.Object(
  {
    observedGeneration: Type.Optional(
      Type.Integer({ description: "Generation of the spec that this status speaks of.", minimum: 0 }),
    ),
    conditions: conditions(
      "the app",
      "`Ready`, `Progressing`, `Degraded`, for commands `Complete`, for apps with an HTTPRoute `Exposed`, and `LimitsHit` once a limit stopped something of the app",
    ),
    replicas: Type.Optional(Type.Integer({ description: "Nodes that the app is placed on.", minimum: 0 })),
    readyReplicas: Type.Optional(Type.Integer({ description: "Nodes on which it is ready.", minimum: 0 })),
    updatedReplicas: Type.Optional(
      Type.Integer({ description: "Nodes on which the current revision runs.", minimum: 0 }),
    ),
    ready: Type.Optional(
      Type.String({ description: "Nodes on which it is ready, of those that should run it, as `1/2`.", maxLength: 32 }),
    ),
    selector: Type.Optional(
      Type.String({ description: "Label selector of its WasmReplicas, for the scale subresource.", maxLength: 1024 }),
    ),
    url: Type.Optional(Type.String({ description: "Where it answers in the cluster.", maxLength: 2048 })),
    port: Type.Optional(
      Type.Integer({
        description:
          "Port of the app on the node runtimes' pods, which its Service leads to. It is kept while the app exists.",
        minimum: 1,
        maximum: 65_535,
      }),
    ),
    image: Type.Optional(
      Type.String({ description: "The image that runs, with the digest that its tag led to.", maxLength: 1024 }),
    ),
    revision: Type.Optional(
      Type.String({ description: "Revision that the spec asks for, and a rollout leads to.", maxLength: 63 }),
    ),
    currentRevision: Type.Optional(
      Type.String({
        description: "Revision that served last, and does so again where the one that is asked for does not start.",
        maxLength: 63,
      }),
    ),
    lastProgressTime: Type.Optional(
      Type.String({ description: "When a rollout last got on, in RFC 3339.", maxLength: 64 }),
    ),
    digest: Type.Optional(
      Type.String({ description: "Digest of the program that runs, as `sha256:…`.", maxLength: 128 }),
    ),
    startP50: Type.Optional(
      Type.String({ description: "Median time of a start, from request to first answer, as `0.4ms`.", maxLength: 32 }),
    ),
  },
  { description: "What Wasmlet reports about the app." },
);
