import { initialMemoryBytes, readPreparedArtifact } from "../artifacts/prepared-artifact.ts";
import { WasmletError } from "../../common/errors.ts";
import { variableNameProblem } from "../../common/spin-template.ts";
import { ENGINES } from "../engine/engines.ts";
import type { Instance, Program } from "../engine/engine.ts";
import { WasiHost } from "../wasi/host.ts";
import type { Preopen } from "../wasi/filesystem/imports.ts";
import { VolumeQuota, type Shortage } from "../wasi/filesystem/volume-quota.ts";
import { EMPTY_SOURCE } from "../wasi/io/byte-source.ts";
import { EgressPolicy } from "../wasi/sockets/egress.ts";
import type { Variables } from "../wasi/variables/imports.ts";
import { ComponentHosts } from "./component-hosts.ts";
import { DenialLog } from "./denial-log.ts";
import type { GuestTurns } from "./guest-turns.ts";
import { type LineBudget, LineSink } from "./log-lines.ts";
import type { AppStats, GuestApp, LogLine } from "./protocol.ts";
import { checkPreopens } from "./preopen-check.ts";
import { inheritedStdio } from "./stdio.ts";
import type { StatsCollector } from "./stats.ts";
import { monotonicMs } from "./turn-record.ts";

/** One instance with its host, and how it came to be. */
export interface LiveInstance {
  instance: Instance;
  host: WasiHost;
  /** Its turns on the thread, and their deadline. */
  turns: GuestTurns;
  /** Calls that it has served. */
  calls: number;
  /** Seconds by phase that its making took. */
  phases: Record<string, number>;
  /** Ends the instance: closes what it has open and lets the last line it printed out. */
  dispose(why?: string): void;
}

/** Everything about one program of an app in this cell that its instances share: code, policy, log budget, counters. */
export class Guest {
  readonly app: GuestApp;
  readonly stats: StatsCollector;
  readonly lineBudget: LineBudget;
  readonly #log: (line: LogLine) => void;
  readonly #egress: EgressPolicy;
  readonly #preopens: readonly Preopen[];
  readonly #variables: Variables | undefined;
  #program: Program | undefined;
  #isAwake = false;
  /** What compiling took, until a start has told it. */
  #compileSeconds = 0;
  #live = new Set<LiveInstance>();

  constructor(app: GuestApp, log: (line: LogLine) => void, stats: StatsCollector, lineBudget: LineBudget) {
    this.app = app;
    this.#log = log;
    this.stats = stats;
    this.lineBudget = lineBudget;
    const { component } = app;
    const ofComponent = component && ComponentHosts.parse(component.allowedOutboundHosts);
    this.#variables = component && {
      component: component.name,
      values: new Map(component.variables),
      nameProblem: variableNameProblem,
    };
    const onRefused = (why: Shortage): void => {
      if (why === "volume_size") stats.limitHit("volume_size");
      else stats.limitHit("disk_space");
    };
    this.#preopens = app.preopens.map(({ bounds, ...preopen }) => {
      if (bounds === undefined || !preopen.writable) return preopen;
      const { maxBytes } = bounds;
      const quota = new VolumeQuota({ hostPath: preopen.hostPath, maxBytes }, { onRefused });
      return Object.assign(preopen, { quota });
    });
    const denials = new DenialLog((line) => this.say(line));
    this.#egress = EgressPolicy.parse(app.allowedOutboundHosts, {
      onConnectionLimit: () => stats.limitHit("connections"),
      onDenied: ({ host, port, list = "network.allowedOutboundHosts" }) => {
        stats.egressDenied();
        denials.note(`${host}:${port}`, list);
      },
      ...(ofComponent && { within: ofComponent }),
    });
  }

  /** True from its first instance until it is scaled to zero: the next instance is a warm start. */
  get isAwake(): boolean {
    return this.#isAwake;
  }

  get instanceCount(): number {
    return this.#live.size;
  }

  memoryBytes(): number {
    let sum = 0;
    for (const { instance } of this.#live) sum += instance.memoryBytes();
    return sum;
  }

  /** Linear memory that stands by for instances to come. */
  standbyBytes(): number {
    return this.#program?.standbyBytes?.() ?? 0;
  }

  /** What happened since the last call; for an app whose only guest this is. */
  takeStats(): AppStats {
    return {
      id: this.app.id,
      ...this.stats.take(),
      logDropped: this.lineBudget.takeDropped(),
      instances: this.instanceCount,
      memoryBytes: this.memoryBytes(),
      standbyBytes: this.standbyBytes(),
      inFlight: 0,
    };
  }

  /** When a request that begins now must be over, in milliseconds of the machine's monotonic clock. */
  nextDeadlineMs(): number {
    return this.app.trigger === "command" ? Infinity : monotonicMs() + this.app.requestTimeoutMs;
  }

  /** Throws when the app cannot run: too much memory, a folder that is not there. */
  check(): void {
    checkPreopens(this.app.preopens);
    const { maxMemoryBytes } = this.app;
    const initialBytes = initialMemoryBytes(readPreparedArtifact(this.app.directory));
    if (initialBytes <= maxMemoryBytes) return;
    throw new WasmletError(
      "ARTIFACT_MEMORY_LIMIT",
      `the artifact starts with ${initialBytes} bytes of memory, more than limits.memory allows: ${maxMemoryBytes}`,
    );
  }

  /** Makes a pristine instance, compiling the program first when it is not; at once where the engine can. */
  instantiate(): LiveInstance | Promise<LiveInstance> {
    const phases: Record<string, number> = {};
    const program = (this.#program ??= this.#load());
    const compiled = performance.now();
    // Told once, by the first start of a request after it.
    if (!this.#isAwake) phases["compile"] = this.#compileSeconds;
    this.#compileSeconds = 0;
    const out = this.#outputs();
    const turns = this.stats.cpu.turns();
    turns.limit(this.nextDeadlineMs(), this.app.cpuTimeMs, false);
    const host = new WasiHost({
      args: this.app.args,
      env: this.app.env,
      preopens: this.#preopens,
      egress: this.#egress,
      variables: this.#variables,
      activity: turns,
      ...out.streams,
    });
    const finish = (instance: Instance): LiveInstance => {
      turns.suspend();
      phases["instantiate"] = (performance.now() - compiled) / 1000;
      return this.#register({ instance, host, turns, calls: 0, phases }, out);
    };
    const fail = (thrown: unknown): never => {
      turns.suspend();
      host.close();
      out.end();
      const overrun = turns.overrun();
      throw overrun === undefined ? thrown : this.#lateStart(overrun, thrown);
    };
    turns.resume();
    try {
      const made = program.instantiate(host);
      return made instanceof Promise ? made.then(finish, fail) : finish(made);
    } catch (thrown) {
      return fail(thrown);
    }
  }

  /**
   * Does ahead of the first request what it would have to wait for: compiles the program and makes an instance, which then
   * sleeps as that of an app that was scaled to zero. What fails here fails again at a request, and is told there.
   */
  async warmUp(): Promise<void> {
    try {
      this.#program ??= this.#load();
      const compileSeconds = this.#compileSeconds;
      // An engine that keeps no instance would only make it in vain.
      if (this.#program.trim !== undefined) (await this.instantiate()).dispose("made ahead");
      this.#compileSeconds = compileSeconds;
    } catch {
      this.#program = undefined;
    }
    if (this.#live.size === 0 && this.#program?.trim !== undefined) this.release();
  }

  #load(): Program {
    const begin = performance.now();
    const artifact = readPreparedArtifact(this.app.directory);
    const program = ENGINES[artifact.engine].load(artifact, this.app.directory, this.app);
    this.#compileSeconds = (performance.now() - begin) / 1000;
    return program;
  }

  /** Notes that a guest had the thread for longer than a request may, or a command's run; returns the error of that. */
  cpuLimitReached(): WasmletError {
    this.stats.limitHit("cpu_time");
    const message = `the guest took the ${this.app.cpuTimeMs} ms of CPU time that limits.cpuTimePerRequest allows`;
    return new WasmletError("GUEST_CPU_LIMIT", message);
  }

  /** The error of a start that was stopped at its deadline, whatever trapped there. */
  #lateStart(limit: "request_timeout" | "cpu_time", cause: unknown): WasmletError {
    if (limit === "cpu_time") return this.cpuLimitReached();
    this.stats.limitHit(limit);
    const message = `the guest did not start within ${this.app.requestTimeoutMs} ms`;
    return new WasmletError("GUEST_TIMEOUT", message, { cause });
  }

  #register(parts: Omit<LiveInstance, "dispose">, out: { end(): void }): LiveInstance {
    const live: LiveInstance = {
      ...parts,
      dispose: (why) => {
        if (!this.#live.delete(live)) return;
        live.turns.abandon();
        live.host.close(why);
        out.end();
        live.instance.release?.();
      },
    };
    this.#live.add(live);
    this.#isAwake = true;
    return live;
  }

  /** Scale to zero: lets go of the program, or of all but its code where the engine can wake it from that. */
  release(): void {
    if (this.#program?.trim === undefined) this.#program = undefined;
    else this.#program.trim();
    this.#isAwake = false;
  }

  /** Lets go of the program for good; instances of it that are in use end with their requests. */
  close(): void {
    this.#program?.close?.();
    this.#program = undefined;
    this.#isAwake = false;
  }

  /** Logs a line of the runtime's about this app. */
  say(line: string): void {
    const { id, component } = this.app;
    const from = component === undefined ? "" : `the component ${component.name}: `;
    if (this.lineBudget.take(line.length)) this.#log({ id, stream: "runtime", line: from + line });
  }

  #outputs(): { streams: Pick<WasiHost["options"], "stdin" | "stdout" | "stderr" | "terminals">; end(): void } {
    if (this.app.stdio === "inherit") return { streams: inheritedStdio(), end: () => {} };
    const sink = (stream: LogLine["stream"]): LineSink =>
      new LineSink((line) => this.#log({ id: this.app.id, stream, line }), this.lineBudget);
    const [stdout, stderr] = [sink("stdout"), sink("stderr")];
    return {
      streams: { stdin: EMPTY_SOURCE, stdout, stderr },
      end: () => {
        stdout.end();
        stderr.end();
      },
    };
  }
}
