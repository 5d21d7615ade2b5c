/**
 * What the supervisor and a cell say to each other, over the child process's IPC channel. Both sides check every
 * message: a cell runs guests, so nothing that comes from it is trusted, and a message that does not fit is dropped.
 *
 *   supervisor ── load, unload, run, collect, ping, drain ──▶ cell
 *   supervisor ◀─ ready, loaded, load-failed, unloaded, exited, logs, stats, pong, drained ── cell
 */
import { Type, type Static } from "../../common/schema.ts";

const Text = (maxLength: number): ReturnType<typeof Type.String> => Type.String({ maxLength });
const AppId = Type.String({ minLength: 3, maxLength: 128 });

/** An app as a cell needs it: everything resolved, nothing to look up. */
const CellApp = Type.Object({
  /** `namespace/name`. */
  id: AppId,
  /** Grows with every change of the app; a load with a higher one replaces the running version. */
  revision: Type.Integer({ minimum: 0 }),
  /** The folder of its prepared files. */
  directory: Text(4096),
  trigger: Type.Union([Type.Literal("http"), Type.Literal("command")]),
  listen: Type.Optional(Type.Object({ host: Text(255), port: Type.Integer({ minimum: 0, maximum: 65_535 }) })),
  args: Type.Array(Text(65_536), { maxItems: 1024 }),
  env: Type.Array(Type.Tuple([Text(1024), Text(1_048_576)]), { maxItems: 4096 }),
  preopens: Type.Array(Type.Object({ guestPath: Text(4096), hostPath: Text(4096), writable: Type.Boolean() }), {
    maxItems: 256,
  }),
  allowedOutboundHosts: Type.Array(Text(512), { maxItems: 1024 }),
  reuse: Type.Union([Type.Literal("Request"), Type.Literal("Instance")]),
  maxMemoryBytes: Type.Number({ minimum: 65_536 }),
  requestTimeoutMs: Type.Number({ minimum: 1 }),
  concurrency: Type.Integer({ minimum: 1 }),
  idleMs: Type.Number({ minimum: 0 }),
  /** `inherit` gives the guest the cell's own standard streams (`wasmlet run`). */
  stdio: Type.Union([Type.Literal("log"), Type.Literal("inherit")]),
});

/** An app as a cell runs it. */
export type CellApp = Static<typeof CellApp>;

const Failure = Type.Object({ code: Text(64), message: Text(4096) });

/** What a cell sends the supervisor of an error: its stable code and its message. */
export type Failure = Static<typeof Failure>;

const ToCell = Type.Union([
  Type.Object({ type: Type.Literal("load"), app: CellApp }),
  Type.Object({ type: Type.Literal("unload"), id: AppId }),
  Type.Object({ type: Type.Literal("run"), id: AppId }),
  Type.Object({ type: Type.Literal("collect"), seq: Type.Integer() }),
  Type.Object({ type: Type.Literal("ping"), seq: Type.Integer() }),
  Type.Object({ type: Type.Literal("drain"), graceMs: Type.Number({ minimum: 0 }) }),
]);

/** What the supervisor asks of a cell. */
export type ToCell = Static<typeof ToCell>;

const Start = Type.Object({
  start: Type.Union([Type.Literal("cold"), Type.Literal("warm")]),
  /** Seconds by phase: compile, instantiate, first_response. */
  phases: Type.Record(Text(32), Type.Number(), { maxProperties: 32 }),
});

const AppStats = Type.Object({
  id: AppId,
  /** Requests since the last report, by status code class and start, with their seconds. */
  requests: Type.Array(
    Type.Object({
      code: Text(3),
      start: Text(4),
      count: Type.Integer({ minimum: 0 }),
      seconds: Type.Array(Type.Number(), { maxItems: 10_000 }),
    }),
    { maxItems: 16 },
  ),
  starts: Type.Array(Start, { maxItems: 1000 }),
  /** Why the latest start failed, where it did. */
  startFailure: Type.Optional(Failure),
  instances: Type.Integer({ minimum: 0 }),
  memoryBytes: Type.Number({ minimum: 0 }),
  /** Seconds that its guests had the cell's thread since the last report. */
  cpuSeconds: Type.Number({ minimum: 0 }),
  inFlight: Type.Integer({ minimum: 0 }),
  limitHits: Type.Record(Text(32), Type.Integer({ minimum: 0 }), { maxProperties: 32 }),
  egressDenied: Type.Integer({ minimum: 0 }),
  logDropped: Type.Integer({ minimum: 0 }),
});

/** What happened to one app in one cell since the last report. */
export type AppStats = Static<typeof AppStats>;

const LogLine = Type.Object({
  id: AppId,
  stream: Type.Union([Type.Literal("stdout"), Type.Literal("stderr"), Type.Literal("runtime")]),
  line: Text(65_536),
});

/** One line that a guest printed, or that the cell says of it. */
export type LogLine = Static<typeof LogLine>;

const FromCell = Type.Union([
  Type.Object({ type: Type.Literal("ready") }),
  Type.Object({ type: Type.Literal("loaded"), id: AppId, revision: Type.Integer() }),
  Type.Object({ type: Type.Literal("load-failed"), id: AppId, revision: Type.Integer(), error: Failure }),
  Type.Object({ type: Type.Literal("unloaded"), id: AppId }),
  Type.Object({
    type: Type.Literal("exited"),
    id: AppId,
    exitCode: Type.Integer(),
    error: Type.Optional(Failure),
    start: Type.Optional(Start),
  }),
  Type.Object({ type: Type.Literal("logs"), lines: Type.Array(LogLine, { maxItems: 10_000 }) }),
  Type.Object({ type: Type.Literal("stats"), seq: Type.Integer(), apps: Type.Array(AppStats, { maxItems: 100_000 }) }),
  Type.Object({ type: Type.Literal("pong"), seq: Type.Integer() }),
  Type.Object({ type: Type.Literal("drained") }),
]);

/** What a cell tells the supervisor. */
export type FromCell = Static<typeof FromCell>;

/** Returns the message when it is one that a cell understands. */
export function readToCell(message: unknown): ToCell | undefined {
  return ToCell.accepts(message) ? message : undefined;
}

/** Returns the message when it is one that a cell may send. */
export function readFromCell(message: unknown): FromCell | undefined {
  return FromCell.accepts(message) ? message : undefined;
}
