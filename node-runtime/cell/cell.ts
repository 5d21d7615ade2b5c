import { messageOf, systemCodeOf, WasmletError } from "../../common/errors.ts";
import type { ErrorCode } from "../../common/error-codes.ts";
import { decidePauses } from "../engine/pause.ts";
import { CpuMeter, type TurnObserver } from "./cpu-time.ts";
import { Guest } from "./guest.ts";
import { HttpApp } from "./http-app.ts";
import { LineBudget } from "./log-lines.ts";
import {
  guestAppsOf,
  type AppStats,
  type CellApp,
  type Failure,
  type FromCell,
  type LogLine,
  type ToCell,
} from "./protocol.ts";
import { StatsCollector } from "./stats.ts";
import { flushStdio } from "./stdio.ts";

/** Lines gathered before they are sent, so that a chatty guest costs one message, not thousands. */
const MAX_GATHERED_LINES = 500;

/** What runs in a cell process: apps, driven by the supervisor's messages. */
export class Cell {
  readonly #send: (message: FromCell) => void;
  readonly #httpApps = new Map<string, HttpApp>();
  readonly #commands = new Map<string, Guest>();
  /** Apps that were taken out and still answer requests. */
  readonly #closing = new Set<Promise<void>>();
  /** What is being done for each app. */
  readonly #tasks = new Map<string, Promise<void>>();
  readonly #meter: CpuMeter;
  #lines: LogLine[] = [];

  constructor(send: (message: FromCell) => void, watchdog?: TurnObserver) {
    this.#send = send;
    this.#meter = new CpuMeter(watchdog);
    decidePauses(this.#meter);
  }

  /** Does what one message asks. */
  async receive(message: ToCell): Promise<void> {
    switch (message.type) {
      case "load":
        return this.#inTurn(message.app.id, () => this.#load(message.app, message.number));
      case "unload":
        return this.#unload(message.id);
      case "run":
        return this.#run(message.id);
      case "collect":
        this.#flushLines();
        return this.#send({ type: "stats", seq: message.seq, apps: this.#takeStats() });
      case "drain":
        return this.#drain(message.graceMs);
    }
  }

  /** Does one thing after another for an app: a version that takes long to make must not overtake a later one. */
  #inTurn(id: string, task: () => void | Promise<void>): Promise<void> {
    const done = (this.#tasks.get(id) ?? Promise.resolve()).then(task);
    this.#tasks.set(id, done);
    return done.finally(() => {
      if (this.#tasks.get(id) === done) this.#tasks.delete(id);
    });
  }

  /** Takes the app out. Its requests under way may take long: the app may be loaded anew meanwhile. */
  async #unload(id: string): Promise<void> {
    let running: HttpApp | undefined;
    await this.#inTurn(id, () => {
      running = this.#httpApps.get(id);
      this.#httpApps.delete(id);
      this.#commands.delete(id);
    });
    if (running !== undefined) await this.#close(running);
    this.#send({ type: "unloaded", id });
  }

  #close(app: HttpApp): Promise<void> {
    const closing = app.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    return closing;
  }

  async #load(app: CellApp, number: number): Promise<void> {
    try {
      if (app.trigger === "command") this.#commands.set(app.id, this.#makeGuest(app, number));
      else await this.#loadHttp(app, number);
      this.#send({ type: "loaded", id: app.id, revision: app.revision });
    } catch (thrown) {
      this.#send({ type: "load-failed", id: app.id, revision: app.revision, error: failureOf(thrown) });
    }
  }

  async #loadHttp(app: CellApp, number: number): Promise<void> {
    const running = this.#httpApps.get(app.id);
    if (running !== undefined) return running.replace(app);
    const http = new HttpApp(app, this.#log, new StatsCollector(this.#meter, number), new LineBudget());
    await http.listen();
    this.#httpApps.set(app.id, http);
  }

  #makeGuest(app: CellApp, number: number): Guest {
    const [program] = guestAppsOf(app);
    const guest = new Guest(program!, this.#log, new StatsCollector(this.#meter, number), new LineBudget());
    guest.check();
    return guest;
  }

  /** Runs a command once and reports its exit code; a trap is exit code 134, as a process's abort. */
  async #run(id: string): Promise<void> {
    const guest = this.#commands.get(id);
    if (guest === undefined) return;
    const begin = performance.now();
    let phases: Record<string, number> = {};
    let outcome: { exitCode: number; error?: Failure };
    try {
      const live = await guest.instantiate();
      phases = live.phases;
      live.turns.limit(guest.nextDeadlineMs(), guest.app.cpuTimeMs);
      outcome = await live.turns.spend(() => runToEnd(guest, live)).finally(() => live.dispose("the command ended"));
    } catch (thrown) {
      outcome = { exitCode: 134, error: failureOf(thrown) };
    }
    this.#flushLines();
    if (guest.app.stdio === "inherit") await flushStdio();
    phases["first_response"] = (performance.now() - begin) / 1000;
    this.#send({ type: "stats", seq: 0, apps: this.#takeStats() });
    this.#send({ type: "exited", id, ...outcome, start: { start: "cold", phases } });
  }

  async #drain(graceMs: number): Promise<void> {
    for (const app of this.#httpApps.values()) void this.#close(app);
    const closing = Promise.all(this.#closing);
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
    await Promise.race([closing, timeout]);
    this.#flushLines();
    this.#send({ type: "drained" });
  }

  #takeStats(): AppStats[] {
    return [
      ...[...this.#httpApps.values()].map((app) => app.takeStats()),
      ...[...this.#commands.values()].map((guest) => guest.takeStats()),
    ];
  }

  readonly #log = (line: LogLine): void => {
    if (this.#lines.push(line) === 1) setImmediate(() => this.#flushLines());
    if (this.#lines.length >= MAX_GATHERED_LINES) this.#flushLines();
  };

  #flushLines(): void {
    if (this.#lines.length > 0) this.#send({ type: "logs", lines: this.#lines });
    this.#lines = [];
  }
}

async function runToEnd(
  guest: Guest,
  live: Awaited<ReturnType<Guest["instantiate"]>>,
): Promise<{ exitCode: number; error?: Failure }> {
  if (live.instance.run === undefined) {
    throw new WasmletError("ARTIFACT_WRONG_WORLD", "the artifact exports neither wasi:cli/run nor _start");
  }
  try {
    return { exitCode: await live.instance.run() };
  } catch (thrown) {
    live.turns.suspend();
    if (live.turns.overrun() === "cpu_time") return { exitCode: 134, error: failureOf(guest.cpuLimitReached()) };
    return {
      exitCode: 134,
      error: { code: "GUEST_TRAPPED", message: `the guest trapped: ${messageOf(thrown)}`.slice(0, 4096) },
    };
  }
}

function failureOf(thrown: unknown): Failure {
  const code: ErrorCode =
    thrown instanceof WasmletError
      ? thrown.code
      : systemCodeOf(thrown) === "EADDRINUSE" || systemCodeOf(thrown) === "EACCES"
        ? "APP_PORT_IN_USE"
        : "RUNTIME_CELL_LOST";
  return { code, message: messageOf(thrown).slice(0, 4096) };
}
