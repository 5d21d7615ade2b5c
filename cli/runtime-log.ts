import type { WasmletError } from "../common/errors.ts";
import type { RuntimeLog } from "../node-runtime/runtime-api.ts";
import { describeError, printable, writeOut } from "./output.ts";

/** The log of a command that serves. */
export interface CommandLog extends RuntimeLog {
  /** Logs what is wrong with a manifest or an app. */
  problem(error: WasmletError): void;
  /** Resolves when every line is written. */
  close(): Promise<void>;
}

/** Bytes of lines that wait for a slow reader; more are dropped, so that a full pipe stops no app. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

const RED = 31;
const YELLOW = 33;
const DIM = 2;

interface TextLogOptions {
  hasColor: boolean;
  now?: () => Date;
  write?: (text: string) => void;
}

/** Returns a log for people: `12:30:01 warn message key=value`, and `default/hello | line` for what guests print. */
export function createTextLog({ hasColor, now = () => new Date(), write = writeOut }: TextLogOptions): CommandLog {
  const paint = (color: number, text: string): string => (hasColor ? `\u001B[${color}m${text}\u001B[0m` : text);
  const print = (text: string): void => {
    const time = paint(DIM, now().toTimeString().slice(0, 8));
    write(`${time} ${text}\n`);
  };
  return {
    info: (message, fields) => print(describe(message, fields)),
    warn: (message, fields) => print(`${paint(YELLOW, "warn")} ${describe(message, fields)}`),
    error: (message, fields) => print(`${paint(RED, "error")} ${describe(message, fields)}`),
    guest: (app, stream, text) => {
      const mark = stream === "stderr" ? paint(YELLOW, "!") : paint(DIM, "|");
      print(`${printable(app)} ${mark} ${printable(text)}`);
    },
    problem: (error) => print(describeError(error).trimEnd()),
    close: () => Promise.resolve(),
  };
}

/** Returns a log for machines: one JSON object per line on standard output. */
export async function createJsonLog(): Promise<CommandLog> {
  const { pino } = await import("pino");
  const destination = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
  const logger = pino(
    {
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    destination,
  );
  return {
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    guest: (app, stream, text) => logger.info({ app, stream }, text),
    problem: (error) => {
      const { message, ...fields } = error.toJSON();
      logger.error(fields, message);
    },
    close: () => new Promise((resolve) => destination.flush(() => resolve())),
  };
}

/** Logs each problem once, however often it is found again; one that was gone and comes back is logged again. */
export class ProblemReporter {
  readonly #log: Pick<CommandLog, "problem">;
  #known = new Set<string>();

  constructor(log: Pick<CommandLog, "problem">) {
    this.#log = log;
  }

  report(problems: readonly WasmletError[]): void {
    const found = new Set<string>();
    for (const problem of problems) {
      const key = JSON.stringify(problem);
      if (!this.#known.has(key) && !found.has(key)) this.#log.problem(problem);
      found.add(key);
    }
    this.#known = found;
  }
}

function describe(message: string, fields: Record<string, unknown> = {}): string {
  return printable([message, ...Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`)].join(" "));
}

function textOf(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : (JSON.stringify(value) ?? "undefined");
}
