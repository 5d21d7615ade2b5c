import { Backoff } from "../../common/backoff.ts";
import type { AppStats, CellApp, LogLine } from "../cell/protocol.ts";
import type { RuntimeMetrics } from "../metrics/runtime-metrics.ts";
import type { AppStatus } from "./app-status.ts";
import { CommandRun, type CommandOutcome } from "./command-run.ts";
import type { DesiredApp } from "./desired-state.ts";

/** Kubernetes' delays before a container is started again. */
const RESTART = { firstMs: 10_000, maxMs: 300_000 };
/** A command that ran this long starts over with the first delay, as a container does. */
const RESTART_RESET_MS = 600_000;

/** Who is told of a command's runs. */
export interface CommandContext {
  metrics: RuntimeMetrics;
  logs(lines: LogLine[]): void;
  /** Takes what a command's process counted. */
  stats(stats: AppStats[]): void;
}

/** Keeps one command going: runs it, and starts it again as its restartPolicy says. */
export class CommandKeeper {
  readonly #status: AppStatus;
  readonly #context: CommandContext;
  readonly #restart = new Backoff(RESTART.firstMs, RESTART.maxMs);
  #run: CommandRun | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(status: AppStatus, context: CommandContext) {
    this.#status = status;
    this.#context = context;
  }

  /** Runs the command; a run that is under way is ended. */
  start(desired: DesiredApp, app: CellApp): void {
    void this.stop();
    const run = new CommandRun(app, this.#context);
    const begin = performance.now();
    this.#run = run;
    this.#status.condition("Loaded", "True", "Loaded");
    this.#status.set("Running");
    void this.#await(run, desired, app, begin);
  }

  /** Starts it no more; a run that is under way goes on to its end. */
  cancelRestart(): void {
    clearTimeout(this.#timer);
  }

  /** Ends the run that is under way and starts it no more; resolves when its process is gone. */
  async stop(): Promise<void> {
    this.cancelRestart();
    const run = this.#run;
    this.#run = undefined;
    await run?.kill();
  }

  /** Asks the run's process for its counters, if there is one. */
  collect(): void {
    this.#run?.collect();
  }

  async #await(run: CommandRun, desired: DesiredApp, app: CellApp, begin: number): Promise<void> {
    const outcome = await run.outcome;
    if (this.#run === run) this.#ended(desired, app, outcome, performance.now() - begin);
  }

  #ended(desired: DesiredApp, app: CellApp, { exitCode, error, phases }: CommandOutcome, ranMs: number): void {
    this.#run = undefined;
    this.#status.started(phases);
    this.#context.metrics.observeStart(desired, "cold", phases);
    const failed = exitCode !== 0;
    if (error !== undefined) {
      this.#context.logs([{ id: app.id, stream: "runtime", line: `${error.code}: ${error.message}` }]);
    }
    const why = error ?? (failed ? { code: "Error", message: `exit code ${exitCode}` } : undefined);
    const change = { exitCode, ...(why && { reason: why.code, message: why.message }) };
    this.#status.condition("Ready", "False", failed ? "Error" : "Completed", why?.message ?? "");
    if (!isStartedAgain(desired, failed)) return this.#status.set(failed ? "Failed" : "Completed", change);
    if (ranMs >= RESTART_RESET_MS) this.#restart.reset();
    const delayMs = this.#restart.next();
    const message = `${why?.message ?? "completed"}; starts again in ${delayMs / 1000} s`;
    this.#status.set("BackOff", { ...change, message });
    this.#timer = setTimeout(() => {
      this.#status.restarted();
      this.start(desired, app);
    }, delayMs);
  }
}

function isStartedAgain({ trigger }: DesiredApp, failed: boolean): boolean {
  const policy = trigger.kind === "command" ? trigger.restartPolicy : "Never";
  return policy === "Always" || (policy === "OnFailure" && failed);
}
