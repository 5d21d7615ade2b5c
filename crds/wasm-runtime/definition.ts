import { Type } from "typebox";
import { ATOMIC, objectName, oneOf, quantity, rules, stringMap } from "../wasm-app/builders.ts";
import { conditions } from "../wasm-app/condition.ts";
import { LABEL_VALUE, QUALIFIED_KEY, QUANTITY } from "../wasm-app/patterns.ts";

/* A WasmRuntime is a pool of nodes that run WasmApps: one pod on each, from a DaemonSet that the operator keeps. */

const Toleration = Type.Object(
  {
    key: Type.Optional(Type.String({ description: "Key of the taint.", maxLength: 317, pattern: QUALIFIED_KEY })),
    operator: Type.Optional(oneOf(["Exists", "Equal"], { description: "How the value is compared." })),
    value: Type.Optional(Type.String({ description: "Value of the taint.", maxLength: 63, pattern: LABEL_VALUE })),
    effect: Type.Optional(
      oneOf(["NoSchedule", "PreferNoSchedule", "NoExecute"], { description: "Effect of the taint." }),
    ),
    tolerationSeconds: Type.Optional(
      Type.Integer({ description: "How long a NoExecute taint is tolerated.", minimum: 0, maximum: 1_000_000_000 }),
    ),
  },
  { description: "A taint that the pods tolerate, as in a pod." },
);

const CPU = { maxLength: 32, pattern: "^[0-9]+(\\.[0-9]{1,3})?m?$", title: "a number of CPUs such as 500m or 2" };
const MEMORY = { maxLength: 32, pattern: QUANTITY, title: "a quantity of bytes such as 512Mi" };

function amounts(description: string) {
  return Type.Optional(
    Type.Object(
      {
        cpu: Type.Optional(Type.String({ description: "CPUs, as `500m` or `2`.", ...CPU })),
        memory: Type.Optional(Type.String({ description: "Bytes, as `512Mi`.", ...MEMORY })),
      },
      { description },
    ),
  );
}

const ConfigMapRef = (what: string) =>
  Type.Optional(
    Type.Object(
      {
        name: objectName("Name of the ConfigMap, in Wasmlet's namespace."),
        key: Type.String({ description: "Its key.", minLength: 1, maxLength: 253 }),
      },
      { description: what },
    ),
  );

/** What the pool is. */
export const RuntimeSpec = Type.Object(
  {
    nodeSelector: Type.Optional(
      stringMap(
        { maxLength: 63, pattern: LABEL_VALUE, title: "a label value", description: "Value of the label." },
        { description: "Labels of the nodes of the pool. Left out, it is every node.", maxProperties: 16 },
      ),
    ),
    tolerations: Type.Array(Toleration, {
      description: "Taints that the pods tolerate.",
      default: [],
      maxItems: 32,
      ...ATOMIC,
    }),
    resources: Type.Object(
      { requests: amounts("What a pod is given at least."), limits: amounts("What a pod may use at most.") },
      { description: "What one pod, and so all apps on its node, may use.", default: {} },
    ),
    image: Type.Optional(
      Type.String({
        description: "Image of the node runtime. Left out, it is the operator's own.",
        minLength: 1,
        maxLength: 512,
      }),
    ),
    priorityClassName: Type.Optional(objectName("Priority class of the pods.")),
    ports: Type.Object(
      {
        first: Type.Integer({
          description: "First port of the range.",
          default: 20_000,
          minimum: 1024,
          maximum: 65_535,
        }),
        last: Type.Integer({ description: "Last port of the range.", default: 32_767, minimum: 1024, maximum: 65_535 }),
      },
      {
        description:
          "Ports of the pods that apps are given, one each, the same on all nodes. They are in the pods' own network: nodes are not touched.",
        default: {},
        ...rules({
          // The API server also judges the default `{}`, before the defaults inside it are filled in.
          rule: "!has(self.first) || !has(self.last) || self.first <= self.last",
          message: "first must not be more than last",
          fieldPath: ".first",
        }),
      },
    ),
    maxAppsPerNode: Type.Integer({
      description: "Apps that a node runs at most; further ones are placed elsewhere or wait.",
      default: 1000,
      minimum: 1,
      maximum: 12_000,
    }),
    unreachableSeconds: Type.Integer({
      description:
        "How long a node may be out of reach before its apps are started on others. Traffic leaves it at once.",
      default: 10,
      minimum: 0,
      maximum: 86_400,
    }),
    cells: Type.Integer({
      description: "Processes that share the apps of a node.",
      default: 1,
      minimum: 1,
      maximum: 64,
    }),
    sharedCells: Type.Optional(
      Type.Boolean({
        description:
          "Whether apps of several namespaces may share a process where they ask for it (`isolation.cell: Shared`).",
      }),
    ),
    cacheSize: quantity({ description: "Bytes of programs that a node keeps on its disk.", default: "4Gi" }),
    terminationGracePeriodSeconds: Type.Integer({
      description: "How long a pod that ends may take to answer the requests that it accepted.",
      default: 60,
      minimum: 1,
      maximum: 3600,
    }),
    registryCA: ConfigMapRef("Certificates in PEM of registries that are trusted beside the system's."),
    plainHttpRegistries: Type.Array(
      Type.String({ description: "A registry, as `registry.example.com:5000`.", minLength: 1, maxLength: 300 }),
      { description: "Registries that are asked without TLS.", default: [], maxItems: 32, ...ATOMIC },
    ),
    artifactPolicy: ConfigMapRef(
      "Rules that artifacts must keep to be run: who may sign, and from where they may come.",
    ),
  },
  { description: "A pool of nodes and how its pods run." },
);

/** What the operator reports of it. */
export const RuntimeStatus = Type.Object(
  {
    observedGeneration: Type.Optional(
      Type.Integer({ description: "Generation of the spec that this status speaks of.", minimum: 0 }),
    ),
    conditions: conditions("the pool", "`Ready` and `Progressing`"),
    nodes: Type.Optional(Type.Integer({ description: "Nodes of the pool.", minimum: 0 })),
    readyNodes: Type.Optional(Type.Integer({ description: "Nodes whose pod is ready.", minimum: 0 })),
    apps: Type.Optional(Type.Integer({ description: "WasmApps that name the pool.", minimum: 0 })),
    replicas: Type.Optional(Type.Integer({ description: "WasmReplicas on its nodes.", minimum: 0 })),
  },
  { description: "What the operator reports of the pool." },
);

/** The typebox type of a WasmRuntime's own parts. */
export const WasmRuntimeDefinition = Type.Object(
  { spec: RuntimeSpec, status: Type.Optional(RuntimeStatus) },
  { description: "A pool of nodes that run WasmApps, one pod on each." },
);
