import { Type } from "typebox";
import { ATOMIC, keyedBy, objectName, oneOf, rules, SET, stringMap } from "./builders.ts";
import { DNS_LABEL, LABEL_VALUE, QUALIFIED_KEY, ROUTE_HOSTNAME, URL_PATH } from "./patterns.ts";

/** Which nodes run the app. */
export const Placement = Type.Object(
  {
    runtimeRef: Type.Optional(
      Type.Object(
        { name: objectName("Name of the WasmRuntime.") },
        {
          description:
            "The pool of nodes. Left out, it is the cluster's default WasmRuntime. An app that moves is served where it was until it is served in the new pool.",
        },
      ),
    ),
    nodeSelector: Type.Optional(
      stringMap(
        { maxLength: 63, pattern: LABEL_VALUE, title: "a label value", description: "Value of the label." },
        { description: "Labels that a node must carry.", maxProperties: 16 },
      ),
    ),
    everyNode: Type.Boolean({
      description: "Whether every fitting node runs the app, as with a DaemonSet.",
      default: false,
    }),
    topologySpread: Type.Optional(
      Type.Array(
        Type.Object(
          {
            topologyKey: Type.String({
              description: "Node label whose values are the domains, such as `topology.kubernetes.io/zone`.",
              title: "a label key such as topology.kubernetes.io/zone",
              minLength: 1,
              maxLength: 317,
              pattern: QUALIFIED_KEY,
            }),
            maxSkew: Type.Integer({
              description: "How many more replicas one domain may have than another.",
              default: 1,
              minimum: 1,
              maximum: 1000,
            }),
            whenUnsatisfiable: oneOf(["DoNotSchedule", "ScheduleAnyway"], {
              description: "Whether a replica waits or is placed anyway when it does not fit.",
              default: "ScheduleAnyway",
            }),
          },
          { description: "One spread over domains." },
        ),
        { description: "How replicas spread over zones or other domains.", maxItems: 4, ...keyedBy("topologyKey") },
      ),
    ),
  },
  { description: "Which nodes run the app." },
);

const ParentRef = Type.Object(
  {
    name: objectName("Name of the Gateway."),
    namespace: Type.Optional(
      Type.String({
        description: "Its namespace. Left out, it is the app's.",
        title: "a name of lower-case letters, digits and -",
        minLength: 1,
        maxLength: 63,
        pattern: DNS_LABEL,
      }),
    ),
    sectionName: Type.Optional(objectName("Name of one listener. Left out, all listeners are meant.")),
  },
  { description: "One Gateway." },
);

const HttpRoute = Type.Object(
  {
    parentRefs: Type.Array(ParentRef, {
      description: "Gateways that the route attaches to.",
      minItems: 1,
      maxItems: 16,
      ...ATOMIC,
    }),
    hostnames: Type.Optional(
      Type.Array(
        Type.String({
          description: "A host name; the first label may be `*`.",
          title: "a host name such as hello.example.com or *.example.com",
          minLength: 1,
          maxLength: 253,
          pattern: ROUTE_HOSTNAME,
        }),
        { description: "Host names that the route answers to. Left out, all are.", maxItems: 16, ...SET },
      ),
    ),
    paths: Type.Array(
      Type.Object(
        {
          type: oneOf(["PathPrefix", "Exact"], { description: "How the path is compared.", default: "PathPrefix" }),
          value: Type.String({
            description: "The path.",
            title: "a path that starts with / and has no query",
            default: "/",
            maxLength: 1024,
            pattern: URL_PATH,
          }),
        },
        { description: "One path." },
      ),
      { description: "Paths that the route sends to the app.", default: [{}], minItems: 1, maxItems: 32, ...ATOMIC },
    ),
  },
  { description: "An HTTPRoute of the Gateway API that sends requests to the app." },
);

/** How the app is reached from outside. */
export const Expose = Type.Object(
  { httpRoute: HttpRoute },
  { description: "How the app is reached from outside the cluster." },
);

/** How a new revision replaces the old one. */
export const Rollout = Type.Object(
  {
    strategy: oneOf(["RollingUpdate", "Recreate", "Canary"], {
      description:
        "`RollingUpdate`: the old revision serves until the new one is ready. `Recreate`: it stops first. `Canary`: both serve.",
      default: "RollingUpdate",
    }),
    canary: Type.Optional(
      Type.Object(
        {
          weight: Type.Integer({
            description: "Per cent of the requests that go to the new revision.",
            minimum: 1,
            maximum: 99,
          }),
        },
        { description: "How requests are shared while both revisions serve." },
      ),
    ),
    progressDeadlineSeconds: Type.Integer({
      description: "How long a new revision may take to become ready before the rollout stops.",
      default: 600,
      minimum: 1,
      maximum: 86_400,
    }),
  },
  {
    description: "How a new revision replaces the old one.",
    default: {},
    ...rules({
      // The API server also judges the default `{}` by this rule, before the defaults inside it are filled in.
      rule: "has(self.canary) == (has(self.strategy) && self.strategy == 'Canary')",
      message: "canary is expected with strategy Canary, and only with it",
      fieldPath: ".canary",
    }),
  },
);
