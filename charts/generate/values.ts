import { ALERTS } from "../../alerts/outputs.ts";
import type { SchemaNode } from "../../crds/schema/schema-node.ts";
import { RuntimeSpec } from "../../crds/wasm-runtime/definition.ts";

/*
 * The values of the chart: their names, types, defaults and meaning. values.yaml, values.schema.json and the table of the
 * chart's README are written from here by `npm run generate`.
 */

/** A type that Kubernetes itself judges. */
function passedOn(type: "object" | "array", description: string): SchemaNode {
  return type === "array"
    ? { type, description, default: [], items: { type: "object" } }
    : { type, description, default: {}, additionalProperties: true };
}

function strings(description: string, byDefault: Readonly<Record<string, string>> = {}): SchemaNode {
  return { type: "object", description, default: byDefault, additionalProperties: { type: "string" } };
}

function object(description: string, properties: Record<string, SchemaNode>): SchemaNode {
  return { type: "object", description, properties, additionalProperties: false };
}

function flag(description: string, byDefault: boolean): SchemaNode {
  return { type: "boolean", description, default: byDefault };
}

function text(description: string, byDefault = "", more: SchemaNode = {}): SchemaNode {
  return { type: "string", description, default: byDefault, ...more };
}

const image = object("The image of the operator and of the node runtime.", {
  repository: text("Where it is, without a tag.", "ghcr.io/wasmlet/wasmlet", { minLength: 1 }),
  tag: text("Its tag. Left empty, it is the chart's `appVersion`."),
  digest: text("Its digest, `sha256:…`, which then decides instead of the tag.", "", {
    pattern: "^(sha256:[0-9a-f]{64})?$",
  }),
  pullPolicy: {
    ...text("When the kubelet asks the registry.", "IfNotPresent"),
    enum: ["Always", "IfNotPresent", "Never"],
  },
});

const imagePullSecrets: SchemaNode = {
  type: "array",
  description: "Secrets in the release's namespace to pull the image with, as `- name: registry`.",
  default: [],
  items: object("A Secret.", { name: { type: "string", description: "Its name.", minLength: 1 } }),
};

const operator = object("The Deployment of the operator.", {
  replicas: {
    type: "integer",
    description: "Pods. One works, the others stand by: apps keep running while none does.",
    default: 2,
    minimum: 1,
    maximum: 5,
  },
  resources: {
    ...passedOn("object", "What a pod is given and may use."),
    // With 10,000 apps it uses half a gigabyte.
    default: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "1Gi" } },
  },
  nodeSelector: strings("Labels of the nodes that it may run on."),
  tolerations: passedOn("array", "Taints that it tolerates."),
  unreachableSeconds: {
    type: "integer",
    description: "How long a node may be out of reach before another one gets its pod.",
    default: 20,
    minimum: 0,
    maximum: 3600,
  },
  affinity: passedOn("object", "Affinity. Left empty, its pods prefer different nodes."),
  topologySpreadConstraints: passedOn("array", "How its pods spread. Left empty, over zones where they can."),
  priorityClassName: text("Its priority class. Left empty, the cluster's default."),
  podAnnotations: strings("Annotations of its pods."),
  podLabels: strings("Labels of its pods, beside the chart's own."),
  extraArgs: {
    type: "array",
    description: "Further arguments of `wasmlet operator`.",
    default: [],
    items: { type: "string" },
  },
  extraEnv: passedOn("array", "Further environment variables, such as `HTTPS_PROXY`."),
  serviceAccountAnnotations: strings(
    "Annotations of its ServiceAccount, by which clouds give it access to registries.",
  ),
  podDisruptionBudget: flag("Whether a drain leaves one of several pods running.", true),
});

const RUNTIME = RuntimeSpec as unknown as SchemaNode;

/** The fields of WasmRuntime without what only the API server understands, and without defaults: those are the CRD's. */
function plainRuntime(node: SchemaNode): SchemaNode {
  const { type, description, properties, items, required, additionalProperties, default: byDefault } = node;
  const { minimum, maximum, minLength, maxLength, pattern, enum: values, maxItems, maxProperties } = node;
  const isEither = node["x-kubernetes-int-or-string"] === true;
  const needed = required?.filter((name) => properties?.[name]?.default === undefined) ?? [];
  const all = {
    type: isEither ? (["integer", "string"] as unknown as "string") : type,
    description,
    default: byDefault,
    minimum: isEither ? undefined : minimum,
    maximum,
    minLength,
    maxLength,
    pattern,
    enum: values,
    maxItems,
    maxProperties,
    required: needed.length > 0 ? needed : undefined,
    properties:
      properties &&
      Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, plainRuntime(property)])),
    items: items && plainRuntime(items),
    additionalProperties:
      typeof additionalProperties === "object"
        ? plainRuntime(additionalProperties)
        : properties === undefined
          ? undefined
          : false,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as SchemaNode;
}

const runtime = plainRuntime(RUNTIME);

/** What a value of the pool is when the chart differs from the CRD. */
const RUNTIME_DEFAULTS: Readonly<Record<string, unknown>> = {
  resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "2Gi" } },
};

const runtimeProperties = Object.fromEntries(
  Object.entries(runtime.properties ?? {}).map(([name, property]) => [
    name,
    name in RUNTIME_DEFAULTS ? { ...property, default: RUNTIME_DEFAULTS[name] } : property,
  ]),
);

/** The values of the chart. */
export const VALUES: SchemaNode = object("Values of the chart wasmlet.", {
  global: { type: "object", description: "Values of a chart that this one is part of; none is read.", default: {} },
  image,
  imagePullSecrets,
  commonLabels: strings("Labels of every object."),
  crds: object("The CustomResourceDefinitions.", {
    install: flag("Whether the chart installs and upgrades them. They stay when the chart is uninstalled.", true),
  }),
  operator,
  runtime: object("The pool of nodes named `default`: the `spec` of its WasmRuntime (docs/wasmruntime.md).", {
    create: flag("Whether the operator keeps that pool as said here. Otherwise apply WasmRuntimes yourself.", true),
    ...runtimeProperties,
  }),
  networkPolicy: object("The NetworkPolicy of the operator.", {
    enabled: flag("Whether its pods refuse everything but metrics and health.", true),
  }),
  startupBenchmarks: object("StartupBenchmarks, which measure on the cluster (docs/startup-benchmarks.md).", {
    enabled: flag(
      "Whether they are run. The operator may then make pods, Jobs and WasmApps in every namespace: it grants that to each benchmark in its own.",
      false,
    ),
    probeImage: text(
      "Image of the pods that measure. Left empty, it is the operator's own; one with QEMU also starts virtual machines.",
      "",
    ),
  }),
  monitoring: object("What Prometheus and Grafana are told (docs/dashboards.md).", {
    enabled: flag(
      "Whether to make PodMonitors for the operator and the pools, where the API of the Prometheus Operator is installed.",
      false,
    ),
    interval: text("How often metrics are read.", "30s", { pattern: "^[0-9]+(ms|s|m)$" }),
    labels: strings("Labels by which your Prometheus finds PodMonitors and rules."),
    alerts: object("The PrometheusRule: alerts, and series that dashboards use.", {
      enabled: flag("Whether to make it, where there are PodMonitors.", true),
      disabled: {
        type: "array",
        description: "Names of alerts (docs/runbooks) that are left out, as `- WasmletAppSlow`.",
        default: [],
        items: { type: "string", enum: ALERTS.map(({ name }) => name) },
      },
    }),
    dashboards: object("ConfigMaps with dashboards, which the sidecar of Grafana's charts loads.", {
      enabled: flag("Whether to make them.", false),
      labels: strings("Labels by which the sidecar finds them.", { grafana_dashboard: "1" }),
      annotations: strings("Their annotations, such as `grafana_folder: Wasmlet` for a folder of their own."),
    }),
  }),
});
