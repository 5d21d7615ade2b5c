import { Type } from "typebox";
import { objectName, oneOf, stringMap } from "../wasm-app/builders.ts";
import { conditions } from "../wasm-app/condition.ts";
import { Env, EnvFrom } from "../wasm-app/environment.ts";
import { Files } from "../wasm-app/files.ts";
import { Isolation, Limits, Network } from "../wasm-app/limits.ts";
import { Source } from "../wasm-app/source.ts";
import { Trigger } from "../wasm-app/trigger.ts";

/*
 * A WasmReplica is to a WasmApp what a Pod is to a Deployment: the app on one node. The operator writes its spec, the node
 * runtime of that node its status.
 */

const Template = Type.Object(
  {
    source: Source,
    trigger: Trigger,
    env: Env,
    envFrom: EnvFrom,
    files: Files,
    limits: Limits,
    isolation: Isolation,
    network: Network,
    idleSeconds: Type.Integer({
      description: "How long an instance stays after its last request.",
      default: 60,
      minimum: 0,
      maximum: 86_400,
    }),
  },
  { description: "What a node runs: the app's own fields, with its image resolved to a digest." },
);

const Revision = Type.String({
  description: "Hash of the template and of the versions of what it refers to.",
  minLength: 1,
  maxLength: 63,
});

/** What the operator asks of a node. */
export const ReplicaSpec = Type.Object(
  {
    nodeName: objectName("Node that runs the app."),
    runtimeName: objectName("The WasmRuntime that the node belongs to."),
    appName: objectName("Name of the WasmApp, in the same namespace."),
    port: Type.Optional(
      Type.Integer({ description: "Port that the app listens on, for http apps.", minimum: 1, maximum: 65_535 }),
    ),
    revision: Revision,
    template: Template,
    suspend: Type.Optional(
      Type.Boolean({
        description:
          "Whether nothing of it is to run for now: a rollout with strategy `Recreate` stops every replica before it starts one anew.",
      }),
    ),
    previous: Type.Optional(
      Type.Object(
        { revision: Revision, template: Template },
        { description: "What served before: it serves on until the new revision is ready, also after a restart." },
      ),
    ),
  },
  { description: "One app on one node." },
);

/** What a node runtime reports. */
export const ReplicaStatus = Type.Object(
  {
    observedGeneration: Type.Optional(
      Type.Integer({ description: "Generation of the spec that this status speaks of.", minimum: 0 }),
    ),
    conditions: conditions(
      "the replica",
      "`Prepared`, `Loaded`, `Ready`, `Updated` while an older revision serves, and `LimitsHit` once a limit stopped something of the app",
    ),
    state: oneOf(
      ["Pending", "Preparing", "Starting", "Ready", "Running", "Completed", "BackOff", "Failed", "Suspended"],
      {
        description: "Where the app stands on the node.",
        default: "Pending",
      },
    ),
    reason: Type.Optional(Type.String({ description: "Why it is not ready, or not updated.", maxLength: 1024 })),
    message: Type.Optional(Type.String({ description: "The same in a sentence.", maxLength: 4096 })),
    revision: Type.Optional(Type.String({ description: "Revision that runs.", maxLength: 63 })),
    podName: Type.Optional(Type.String({ description: "Pod of the node runtime that runs it.", maxLength: 253 })),
    podIP: Type.Optional(Type.String({ description: "Address of that pod.", maxLength: 64 })),
    podCreated: Type.Optional(
      Type.String({
        description: "When that pod was created, in RFC 3339: of two pods of a node, the newer one reports.",
        maxLength: 64,
      }),
    ),
    digest: Type.Optional(Type.String({ description: "Digest of the program, as `sha256:…`.", maxLength: 128 })),
    engine: Type.Optional(Type.String({ description: "Engine that runs it.", maxLength: 63 })),
    startPhases: Type.Optional(
      stringMap(
        { maxLength: 32, description: "How long the phase took, as `1.2ms`." },
        { description: "Phases of the last start by name.", maxProperties: 16 },
      ),
    ),
    startP50: Type.Optional(Type.String({ description: "Median time of a start, as `0.4ms`.", maxLength: 32 })),
    restarts: Type.Optional(Type.Integer({ description: "How often it was started again.", minimum: 0 })),
    exitCode: Type.Optional(Type.Integer({ description: "Exit code of a command's last run.", minimum: -1 })),
  },
  { description: "What the node runtime reports." },
);

/** The typebox type of a WasmReplica's own parts. */
export const WasmReplicaDefinition = Type.Object(
  { spec: ReplicaSpec, status: Type.Optional(ReplicaStatus) },
  { description: "A WasmApp on one node. Wasmlet's operator makes it; users read it." },
);
