import { Type } from "typebox";
import { ATOMIC, cronSchedule, objectName, quantity, SET, timeZone } from "../wasm-app/builders.ts";
import { conditions } from "../wasm-app/condition.ts";
import { Source } from "../wasm-app/source.ts";
import { StartupResults } from "./results.ts";

/* A StartupBenchmark starts the same program as Wasm, as pods and as virtual machines, in turns on one node, and tells how long each took. */

/** Names of technologies: those of `wasmlet bench startup --technologies`, and pods with a RuntimeClass. */
const TECHNOLOGY =
  "^(app-wake|wasm-app|wasm-wake|wasm-new|wasm-artifact|process|pod|microvm|pod-[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?)$";

const App = Type.Object(
  { source: Source },
  { description: "The program as Wasm. Left out, it is one that answers `hello`." },
);

const Container = Type.Object(
  {
    image: Type.String({ description: "Image of the container.", minLength: 1, maxLength: 512 }),
    command: Type.Array(Type.String({ description: "One word.", maxLength: 4096 }), {
      description: "Entrypoint. Left empty, it is the image's.",
      default: [],
      maxItems: 64,
      ...ATOMIC,
    }),
    args: Type.Array(Type.String({ description: "One word.", maxLength: 4096 }), {
      description: "Arguments of the entrypoint.",
      default: [],
      maxItems: 64,
      ...ATOMIC,
    }),
    port: Type.Integer({ description: "Port that it listens on.", default: 8080, minimum: 1, maximum: 65_535 }),
    memory: quantity({ description: "Bytes of memory that it may use.", default: "256Mi" }),
  },
  {
    description:
      "The same program as a container, for pods. Left out, it is the native build of the one that answers `hello`, in Wasmlet's own image.",
  },
);

/** What is compared. */
export const BenchmarkSpec = Type.Object(
  {
    technologies: Type.Array(
      Type.String({
        description: "One way to start.",
        title: "app-wake, wasm-app, pod, pod-RUNTIMECLASS, microvm, wasm-wake, wasm-new, wasm-artifact or process",
        maxLength: 260,
        pattern: TECHNOLOGY,
      }),
      {
        description:
          "What takes turns: `app-wake` is a request to a WasmApp that is scaled to zero on the node, `wasm-app` a new WasmApp, `pod` a new pod, `pod-NAME` one with that RuntimeClass, `microvm` a virtual machine in the probe's own pod. `wasm-wake`, `wasm-new`, `wasm-artifact` and `process` run in the probe's pod too.",
        default: ["app-wake", "wasm-app", "pod"],
        minItems: 1,
        maxItems: 12,
        ...SET,
      },
    ),
    samples: Type.Integer({
      description: "Starts of each that count; one before the first warms up.",
      default: 10,
      minimum: 1,
      maximum: 100,
    }),
    nodeName: Type.Optional(objectName("Node on which all is started. Left out, it is one on which apps can run.")),
    app: Type.Optional(App),
    container: Type.Optional(Container),
    path: Type.String({
      description: "Path, and query, that is asked for; an answer with status 200 ends a start.",
      title: "a path such as /healthz, with a query or not",
      default: "/",
      maxLength: 1024,
      pattern: '^/[!-"$-~]*$',
    }),
    schedule: Type.Optional(
      cronSchedule(
        "When it is run again and again, as with a CronJob. Left out, it is run once for each change of it.",
      ),
    ),
    timeZone: timeZone(),
    suspend: Type.Boolean({ description: "Whether no run begins.", default: false }),
    activeDeadlineSeconds: Type.Integer({
      description: "How long a run may take; one that takes longer is ended, and all that it started goes.",
      default: 1800,
      minimum: 10,
      maximum: 86_400,
    }),
  },
  { description: "What is started, how often, and where.", default: {} },
);

/** What was found. */
export const BenchmarkStatus = Type.Object(
  {
    observedGeneration: Type.Optional(
      Type.Integer({ description: "Generation of the spec that this status speaks of.", minimum: 0 }),
    ),
    conditions: conditions("the benchmark", "`Running`, `Complete` and `Degraded`"),
    nodeName: Type.Optional(Type.String({ description: "Node on which it runs, or ran last.", maxLength: 253 })),
    lastRunTime: Type.Optional(Type.String({ description: "When the latest run began, in RFC 3339.", maxLength: 64 })),
    results: Type.Optional(StartupResults),
  },
  { description: "What the operator and the probe report." },
);

/** The typebox type of a StartupBenchmark's own parts. */
export const StartupBenchmarkDefinition = Type.Object(
  { spec: BenchmarkSpec, status: Type.Optional(BenchmarkStatus) },
  {
    description:
      "Starts the same program as Wasm, as pods and as virtual machines on one node, and compares how long that takes.",
  },
);
