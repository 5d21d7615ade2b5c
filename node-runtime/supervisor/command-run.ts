import type { AppStats, CellApp, Failure, FromCell, LogLine } from "../cell/protocol.ts";
import { CellProcess } from "./cell-process.ts";

/** How a command ended. */
export interface CommandOutcome {
  exitCode: number;
  error?: Failure;
  /** Seconds by phase of its start. */
  phases: Record<string, number>;
}

/** What a run tells its owner. */
export interface CommandRunEvents {
  logs(lines: LogLine[]): void;
  /** What happened since the last report: when asked for, and at the end. */
  stats(stats: AppStats[]): void;
}

/** One run of a command, in a cell process of its own: it may compute as long as it likes and harms nobody. */
export class CommandRun {
  readonly outcome: Promise<CommandOutcome>;
  readonly #process: CellProcess;

  constructor(app: CellApp, events: CommandRunEvents) {
    const { promise, resolve } = Promise.withResolvers<CommandOutcome>();
    this.outcome = promise;
    const fail = (error: Failure): void => resolve({ exitCode: 134, error, phases: {} });
    const receive = (message: FromCell): void => {
      if (message.type === "ready") this.#process.send({ type: "load", app, number: 0 });
      else if (message.type === "loaded") this.#process.send({ type: "run", id: app.id });
      else if (message.type === "load-failed") fail(message.error);
      else if (message.type === "logs") events.logs(message.lines);
      else if (message.type === "stats") events.stats(message.apps);
      else if (message.type === "exited") {
        resolve({
          exitCode: message.exitCode,
          phases: message.start?.phases ?? {},
          ...(message.error && { error: message.error }),
        });
      }
      if (message.type === "exited" || message.type === "load-failed") this.#process.kill();
    };
    this.#process = new CellProcess(
      {
        message: receive,
        exit: ({ why }) => fail({ code: "RUNTIME_CELL_LOST", message: `the process that ran the command ${why}` }),
      },
      { heartbeat: false, ...(app.stdio === "inherit" && { stdio: "inherit" }) },
    );
  }

  /** Asks for its counters; a guest that computes answers only at its end. */
  collect(): void {
    this.#process.send({ type: "collect", seq: 0 });
  }

  /** Ends the run at once; resolves when its process is gone. */
  kill(): Promise<void> {
    this.#process.kill();
    return this.#process.ended;
  }
}
