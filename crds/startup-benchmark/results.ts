import { Type } from "typebox";
import { ATOMIC, oneOf } from "../wasm-app/builders.ts";

const seconds = (description: string) => Type.Number({ description, minimum: 0 });

const Phases = Type.Unsafe<Record<string, number>>({
  type: "object",
  additionalProperties: { type: "number", description: "Seconds." },
  description: "Median seconds of each phase.",
  maxProperties: 16,
});

const PhaseSeconds = Type.Unsafe<Record<string, number[]>>({
  type: "object",
  additionalProperties: {
    type: "array",
    items: { type: "number", description: "Seconds of one start." },
    description: "Every start.",
    maxItems: 100,
    ...ATOMIC,
  },
  description: "The phases of every start, in the order of rounds.",
  default: {},
  maxProperties: 16,
});

/** One way to start the program, and how it went. */
const Contender = Type.Object(
  {
    name: Type.String({ description: "The technology, as the spec names it.", maxLength: 260 }),
    technology: oneOf(["wasm", "container", "vm", "process"], { description: "What runs the program." }),
    runtime: Type.String({ description: "What starts it.", maxLength: 260 }),
    cache: oneOf(["warm", "cold"], { description: "Whether what is started was on the node before." }),
    accelerator: oneOf(["none", "kvm", "tcg"], { description: "What runs a virtual machine's instructions." }),
    what: Type.String({ description: "What is started, for people.", maxLength: 1024 }),
    samples: Type.Integer({ description: "Starts that count so far.", minimum: 0 }),
    start: Type.Optional(Type.String({ description: "Median of the starts, for people.", maxLength: 32 })),
    p50: Type.Optional(seconds("Median seconds from the request for a start to the first answer.")),
    p90: Type.Optional(seconds("90th percentile of the same.")),
    p99: Type.Optional(seconds("99th percentile of the same.")),
    min: Type.Optional(seconds("The fastest start.")),
    ratio: Type.Optional(seconds("Its time over that of waking a WasmApp, the median within rounds.")),
    memoryBytes: Type.Optional(Type.Integer({ description: "Median bytes of memory after a start.", minimum: 0 })),
    pullBytes: Type.Optional(Type.Integer({ description: "Bytes to pull.", minimum: 0 })),
    diskBytes: Type.Optional(Type.Integer({ description: "Bytes on disk.", minimum: 0 })),
    phases: Type.Optional(Phases),
    seconds: Type.Array(Type.Number({ description: "Seconds of one start.", minimum: 0 }), {
      description: "Every start, in the order of rounds.",
      default: [],
      maxItems: 100,
      ...ATOMIC,
    }),
    phaseSeconds: PhaseSeconds,
  },
  { description: "One way to start the program." },
);

const Missing = Type.Object(
  {
    contender: Type.String({ description: "The technology, as the spec names it.", maxLength: 260 }),
    why: Type.String({ description: "Why it was left out.", maxLength: 4096 }),
  },
  { description: "What could not be started." },
);

/** What a run has found so far: the probe writes it. */
export const StartupResults = Type.Object(
  {
    generation: Type.Integer({ description: "Generation of the spec that was run.", minimum: 0 }),
    run: Type.String({ description: "Pod of the run.", maxLength: 253 }),
    startedAt: Type.String({ description: "When it began, in RFC 3339.", maxLength: 64 }),
    finishedAt: Type.Optional(Type.String({ description: "When it ended.", maxLength: 64 })),
    error: Type.Optional(Type.String({ description: "Why it ended before its end.", maxLength: 4096 })),
    machine: Type.Optional(Type.String({ description: "CPUs of the node.", maxLength: 512 })),
    probeSeconds: Type.Optional(
      seconds("The probe's own part in every start: the median of what a server that does nothing takes."),
    ),
    progress: Type.String({ description: "Rounds that are done, as `3/10`.", maxLength: 32 }),
    summary: Type.String({ description: "Medians, the fastest first, for people.", maxLength: 4096 }),
    contenders: Type.Array(Contender, {
      description: "What took turns, in that order.",
      default: [],
      maxItems: 12,
      ...ATOMIC,
    }),
    missing: Type.Array(Missing, { description: "What was left out, and why.", default: [], maxItems: 12, ...ATOMIC }),
  },
  { description: "What a run has found so far." },
);
