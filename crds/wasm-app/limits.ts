import { Type } from "typebox";
import { duration, oneOf, quantity, rules, SET } from "./builders.ts";
import { OUTBOUND_HOST } from "./outbound-host.ts";

/** What the app may use. */
export const Limits = Type.Object(
  {
    memory: quantity({
      description:
        "Linear memory of one instance, all its memories together: growing past it fails inside the program.",
      default: "128Mi",
    }),
    cpuTimePerRequest: Type.Optional(
      duration(
        "CPU time that one request, or one run of a command, may take before its instance is stopped; waiting does not count. Left out, it is not limited.",
      ),
    ),
    requestTimeoutSeconds: Type.Integer({
      description: "Wall time in which an HTTP request must be answered in full.",
      default: 60,
      minimum: 1,
      maximum: 3600,
    }),
    concurrency: Type.Optional(
      Type.Integer({
        description: "Requests of the app that a node works on at once; further ones wait. Left out, the node decides.",
        minimum: 1,
        maximum: 100_000,
      }),
    ),
    requestsPerSecond: Type.Optional(
      Type.Integer({
        description:
          "Requests of the app that a node accepts per second, and as many at once; others are answered 429. Where a node has several cells, each accepts its share, rounded up. Left out, it is not limited.",
        minimum: 1,
        maximum: 1_000_000,
      }),
    ),
  },
  { description: "What the app may use, on each node.", default: {} },
);

/** What the app shares with others and with its own earlier requests. */
export const Isolation = Type.Object(
  {
    reuse: oneOf(["Request", "Instance"], {
      description:
        "`Request`: each request sees a pristine program. `Instance`: an instance keeps its state between requests.",
      default: "Request",
    }),
    cell: oneOf(["Shared", "Namespace", "App"], {
      description:
        "Which apps share an operating-system process: those of the namespace, or none; `Shared`: also those of other namespaces, where the runtime's owner allows it.",
      default: "Namespace",
    }),
  },
  { description: "What the app shares with other apps and with its own earlier requests.", default: {} },
);

/** Whom the app may call. */
export const Network = Type.Object(
  {
    allowedOutboundHosts: Type.Array(
      Type.String({
        description:
          "A host: `api.example.com`, `*.example.com`, `example.com:443`, `http://svc.ns.svc:8080`, `10.0.0.0/8` or `*`.",
        title: "a host such as api.example.com, *.example.com:443, http://svc.ns.svc:8080 or 10.0.0.0/8",
        minLength: 1,
        maxLength: 300,
        pattern: OUTBOUND_HOST,
      }),
      {
        description: "Hosts the program may connect to. Nothing else is reachable.",
        default: [],
        maxItems: 128,
        ...SET,
      },
    ),
  },
  { description: "Whom the program may call.", default: {} },
);

/** How many nodes run the app, and how long an idle instance stays. */
export const Scale = Type.Object(
  {
    minReplicas: Type.Integer({
      description:
        "Nodes that run the app at least; `kubectl scale` sets it. Instances on a node follow the load down to zero by themselves.",
      default: 1,
      minimum: 0,
      maximum: 5000,
    }),
    maxReplicas: Type.Optional(
      Type.Integer({
        description: "Nodes that run the app at most. Left out, it is `minReplicas`.",
        minimum: 1,
        maximum: 5000,
      }),
    ),
    idleSeconds: Type.Integer({
      description: "How long an instance stays after its last request.",
      default: 60,
      minimum: 0,
      maximum: 86_400,
    }),
  },
  {
    description: "How many nodes run the app.",
    default: {},
    ...rules({
      rule: "!has(self.maxReplicas) || self.maxReplicas >= self.minReplicas",
      message: "maxReplicas must not be less than minReplicas",
      fieldPath: ".maxReplicas",
    }),
  },
);
