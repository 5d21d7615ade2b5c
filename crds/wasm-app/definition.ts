import { Type } from "typebox";
import { rules, stringMap } from "./builders.ts";
import { Env, EnvFrom } from "./environment.ts";
import { Files } from "./files.ts";
import { Isolation, Limits, Network, Scale } from "./limits.ts";
import { API_VERSION, DEFAULT_NAMESPACE, WASM_APP_KIND } from "./names.ts";
import { DNS_LABEL, LABEL_VALUE, QUALIFIED_KEY, SERVICE_NAME } from "./patterns.ts";
import { Expose, Placement, Rollout } from "./placement.ts";
import { Source } from "./source.ts";
import { Status } from "./status.ts";
import { Trigger } from "./trigger.ts";

/*
 * The one definition of WasmApp. Its types are used directly; its schema is used through the files that
 * `npm run generate` writes, so that nothing loads typebox at run time.
 */

/** Returns the type of a metadata field that the cluster sets and that nobody reads here. */
function clusterField(): Type.TOptional<Type.TUnknown> {
  return Type.Optional(Type.Unknown({ description: "Set by the cluster." }));
}

const KEY = { pattern: QUALIFIED_KEY, maxLength: 317, title: "a key such as app or example.com/app" };

const Metadata = Type.Object(
  {
    name: Type.String({
      description: "Name of the app, unique in its namespace. Its Service has the same.",
      title: "a name of at most 63 lower-case letters, digits and - that starts with a letter",
      minLength: 1,
      maxLength: 63,
      pattern: SERVICE_NAME,
    }),
    namespace: Type.String({
      description: "Namespace of the app.",
      title: "a name of at most 63 lower-case letters, digits and -",
      default: DEFAULT_NAMESPACE,
      minLength: 1,
      maxLength: 63,
      pattern: DNS_LABEL,
    }),
    labels: Type.Optional(
      stringMap(
        { maxLength: 63, pattern: LABEL_VALUE, title: "a label value of at most 63 letters, digits, -, _ and ." },
        { description: "Labels to select by.", maxProperties: 256, propertyNames: KEY },
      ),
    ),
    annotations: Type.Optional(
      stringMap(
        { maxLength: 262_144 },
        { description: "Notes for tools and people.", maxProperties: 256, propertyNames: KEY },
      ),
    ),
    generateName: clusterField(),
    uid: clusterField(),
    resourceVersion: clusterField(),
    generation: clusterField(),
    selfLink: clusterField(),
    creationTimestamp: clusterField(),
    deletionTimestamp: clusterField(),
    deletionGracePeriodSeconds: clusterField(),
    ownerReferences: clusterField(),
    finalizers: clusterField(),
    managedFields: clusterField(),
  },
  { description: "Name, namespace, labels and annotations, as every Kubernetes object has them." },
);

const Spec = Type.Object(
  {
    source: Source,
    trigger: Trigger,
    env: Env,
    envFrom: EnvFrom,
    files: Files,
    limits: Limits,
    isolation: Isolation,
    network: Network,
    scale: Scale,
    placement: Type.Optional(Placement),
    expose: Type.Optional(Expose),
    rollout: Rollout,
  },
  {
    description: "What to run, and how.",
    ...rules(
      {
        rule: "!has(self.expose) || has(self.trigger.http)",
        message: "expose is for apps with the http trigger",
        fieldPath: ".expose",
      },
      {
        rule: "!(has(self.placement) && self.placement.everyNode && has(self.scale.maxReplicas))",
        message: "placement.everyNode already says how many nodes run the app: leave maxReplicas out",
        fieldPath: ".scale.maxReplicas",
      },
    ),
  },
);

/** The typebox type of a WasmApp. */
export const WasmAppDefinition = Type.Object(
  {
    apiVersion: Type.Unsafe<typeof API_VERSION>({
      type: "string",
      enum: [API_VERSION],
      description: "Version of the API.",
    }),
    kind: Type.Unsafe<typeof WASM_APP_KIND>({
      type: "string",
      enum: [WASM_APP_KIND],
      description: "Kind of the object.",
    }),
    metadata: Metadata,
    spec: Spec,
    status: Type.Optional(Status),
  },
  { description: "A WebAssembly program that Wasmlet runs on nodes without starting a pod for it." },
);
