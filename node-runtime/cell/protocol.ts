/**
 * What the supervisor and a cell say to each other, over the child process's IPC channel. Both sides check every
 * message: a cell runs guests, so nothing that comes from it is trusted, and a message that does not fit is dropped.
 *
 *   supervisor ── load, unload, run, collect, drain ──▶ cell
 *   supervisor ◀─ ready, loaded, load-failed, unloaded, exited, logs, stats, drained ── cell
 */
import * as v from "valibot";
import { finite, integer, listOf, text } from "../../common/shapes.ts";
import { LIMITS } from "./limits.ts";

const AppId = text(128, 3);

/** A program of an app, and what it alone is given. */
const CellProgram = v.object({
  /** The folder of its prepared files. */
  directory: text(4096),
  args: listOf(text(65_536), 1024),
  env: listOf(v.tuple([text(1024), text(1_048_576)]), 4096),
  preopens: listOf(
    v.object({
      guestPath: text(4096),
      hostPath: text(4096),
      writable: v.boolean(),
      /** Of an emptyDir; its size limit in bytes, where it has one. */
      bounds: v.optional(v.object({ maxBytes: v.optional(finite(0)) })),
    }),
    256,
  ),
  /** What makes it a component of a Spin application. */
  component: v.optional(
    v.object({
      name: text(256),
      variables: listOf(v.tuple([text(256), text(4_194_304)]), 4096),
      /** The hosts that it may reach of those that the app may, as Spin writes them. */
      allowedOutboundHosts: listOf(text(65_536), 4096),
    }),
  ),
});

/** An app as a cell needs it: everything resolved, nothing to look up. */
const CellApp = v.object({
  /** `namespace/name`. */
  id: AppId,
  /** Grows with every change of the app; a load with a higher one replaces the running version. */
  revision: integer(0),
  trigger: v.picklist(["http", "command"]),
  listen: v.optional(v.object({ host: text(255), port: integer(0, 65_535) })),
  programs: listOf(CellProgram, 128, 1),
  /** Which program, by its index, a path is for; without routes the first one has them all. */
  routes: v.optional(listOf(v.object({ route: text(4096), target: integer(0, 127) }), 128, 1)),
  allowedOutboundHosts: listOf(text(512), 1024),
  reuse: v.picklist(["Request", "Instance"]),
  maxMemoryBytes: finite(65_536),
  requestTimeoutMs: finite(1),
  /** CPU time of one request, or of a command's run; left out, it is not limited. */
  cpuTimeMs: v.optional(finite(0)),
  concurrency: integer(1),
  /** Of this cell alone; left out, there may be any number. */
  requestsPerSecond: v.optional(integer(1)),
  idleMs: finite(0),
  /** `inherit` gives the guest the cell's own standard streams (`wasmlet run`). */
  stdio: v.picklist(["log", "inherit"]),
});

/** An app as a cell runs it. */
export type CellApp = v.InferOutput<typeof CellApp>;

/** A program as a cell is given it. */
export type CellProgram = v.InferOutput<typeof CellProgram>;

/** One program of an app, with what all of them share. */
export type GuestApp = Omit<CellApp, "programs" | "routes"> & CellProgram;

/** Returns an app's programs, each with what all of them share. */
export function guestAppsOf(app: CellApp): GuestApp[] {
  return app.programs.map((program) => ({ ...app, ...program }));
}

const Failure = v.object({ code: text(64), message: text(4096) });

/** What a cell sends the supervisor of an error: its stable code and its message. */
export type Failure = v.InferOutput<typeof Failure>;

const ToCell = v.variant("type", [
  /** `number` is what the cell calls the app when it tells who has its thread (cell/beat.ts). */
  v.object({ type: v.literal("load"), app: CellApp, number: integer(0) }),
  v.object({ type: v.literal("unload"), id: AppId }),
  v.object({ type: v.literal("run"), id: AppId }),
  v.object({ type: v.literal("collect"), seq: integer() }),
  v.object({ type: v.literal("drain"), graceMs: finite(0) }),
]);

/** What the supervisor asks of a cell. */
export type ToCell = v.InferOutput<typeof ToCell>;

const Start = v.object({
  start: v.picklist(["cold", "warm"]),
  /** Seconds by phase. */
  phases: v.record(v.picklist(["compile", "instantiate", "first_response"]), finite()),
});

const AppStats = v.object({
  id: AppId,
  /** Requests since the last report, by status code class and start, with their seconds. */
  requests: listOf(
    v.object({
      code: v.pipe(v.string(), v.regex(/^[1-9]xx$/)),
      start: v.picklist(["cold", "warm"]),
      count: integer(0),
      seconds: listOf(finite(), 10_000),
    }),
    16,
  ),
  starts: listOf(Start, 1000),
  /** Why the latest start failed, where it did. */
  startFailure: v.optional(Failure),
  instances: integer(0),
  memoryBytes: finite(0),
  standbyBytes: finite(0),
  /** Seconds that its guests had the cell's thread since the last report. */
  cpuSeconds: finite(0),
  inFlight: integer(0),
  limitHits: v.record(v.picklist(LIMITS), integer(0)),
  egressDenied: integer(0),
  logDropped: integer(0),
});

/** What happened to one app in one cell since the last report. */
export type AppStats = v.InferOutput<typeof AppStats>;

const LogLine = v.object({
  id: AppId,
  stream: v.picklist(["stdout", "stderr", "runtime"]),
  line: text(65_536),
});

/** One line that a guest printed, or that the cell says of it. */
export type LogLine = v.InferOutput<typeof LogLine>;

const FromCell = v.variant("type", [
  v.object({ type: v.literal("ready") }),
  v.object({ type: v.literal("loaded"), id: AppId, revision: integer() }),
  v.object({ type: v.literal("load-failed"), id: AppId, revision: integer(), error: Failure }),
  v.object({ type: v.literal("unloaded"), id: AppId }),
  v.object({
    type: v.literal("exited"),
    id: AppId,
    exitCode: integer(),
    error: v.optional(Failure),
    start: v.optional(Start),
  }),
  v.object({ type: v.literal("logs"), lines: listOf(LogLine, 10_000) }),
  v.object({ type: v.literal("stats"), seq: integer(), apps: listOf(AppStats, 100_000) }),
  v.object({ type: v.literal("drained") }),
]);

/** What a cell tells the supervisor. */
export type FromCell = v.InferOutput<typeof FromCell>;

/** Returns the message when it is one that a cell understands. */
export function readToCell(message: unknown): ToCell | undefined {
  return v.is(ToCell, message) ? message : undefined;
}

/** Returns the message when it is one that a cell may send. */
export function readFromCell(message: unknown): FromCell | undefined {
  return v.is(FromCell, message) ? message : undefined;
}
