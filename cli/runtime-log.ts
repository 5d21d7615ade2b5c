import type { RuntimeLog } from "../node-runtime/runtime-api.ts";
import { printable, writeOut } from "./output.ts";

/** The log of a command that serves. */
export interface CommandLog extends RuntimeLog {
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
    close: () => Promise.resolve(),
  };
}

/** Returns a log for machines: one JSON object per line on standard output; lines about an app name it and its namespace. */
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
    info: (message, fields) => logger.info(withNamespace(fields), message),
    warn: (message, fields) => logger.warn(withNamespace(fields), message),
    error: (message, fields) => logger.error(withNamespace(fields), message),
    guest: (app, stream, text) => logger.info(withNamespace({ app, stream }), text),
    close: () => new Promise((resolve) => destination.flush(() => resolve())),
  };
}

/** Tells the namespace of an app from its name, so that logs can be filtered by either. */
export function withNamespace(fields: Record<string, unknown> = {}): Record<string, unknown> {
  const { app, ...rest } = fields;
  if (typeof app !== "string" || !app.includes("/")) return fields;
  const [namespace, name] = app.split("/", 2);
  return { namespace, app: name, ...rest };
}

/** Returns a message with its fields behind it; an error's fields get lines of their own, without what was said already. */
function describe(text: string, fields: Record<string, unknown> = {}): string {
  const entries = Object.entries(fields).filter(([name, value]) => name !== "app" || !text.includes(String(value)));
  if (typeof fields["code"] !== "string") {
    return printable([text, ...entries.map(([name, value]) => `${name}=${textOf(value)}`)].join(" "));
  }
  const unsaid = entries.filter(([, value]) => !text.includes(String(value)));
  return [text, ...unsaid.map(([name, value]) => `  ${name}: ${String(value)}`)].map(printable).join("\n");
}

function textOf(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : (JSON.stringify(value) ?? "undefined");
}
