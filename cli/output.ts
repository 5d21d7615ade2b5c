import { messageOf, WasmletError } from "../common/errors.ts";

/** Control characters: what a guest, a file or a peer says must not steer the user's terminal. */
const CONTROL_CHARACTERS = /[^\P{Cc}\t]/gu;

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Writes to standard output. */
export function writeOut(text: string): void {
  process.stdout.write(text);
}

/** Writes to standard error. */
export function writeErr(text: string): void {
  process.stderr.write(text);
}

/** Returns a value as the JSON that `-o json` prints. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Returns text with control characters made visible, safe for a terminal. */
export function printable(text: string): string {
  return text.replace(CONTROL_CHARACTERS, "\uFFFD");
}

/** Returns seconds as people read them, three digits at most: `340µs`, `1.2ms`, `12ms`, `1.2s`, `2m5s`. */
export function formatSeconds(seconds: number): string {
  const micros = seconds * 1e6;
  if (micros < 999.5) return `${Math.round(micros)}µs`;
  if (micros < 9.95e3) return `${(micros / 1e3).toFixed(1)}ms`;
  if (micros < 999.5e3) return `${Math.round(micros / 1e3)}ms`;
  if (seconds < 59.95) return `${Number(seconds.toFixed(1))}s`;
  const whole = Math.round(seconds);
  return whole % 60 === 0 ? `${whole / 60}m` : `${Math.floor(whole / 60)}m${whole % 60}s`;
}

/** Returns a size as people read it: `930 B`, `78.2 KiB`, `12.6 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let amount = bytes;
  let unit = 0;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${units[unit]}`;
}

/**
 * Returns an error for standard error: what, what was expected, what came, where, and what to do; commands in it as the
 * user can type them here.
 */
export function describeError(
  thrown: unknown,
  { asJson = false, withStack = false, invocation = "wasmlet" } = {},
): string {
  const stack = withStack && thrown instanceof Error ? thrown.stack : undefined;
  const error =
    thrown instanceof WasmletError
      ? { ...thrown.toJSON(), fix: thrown.fix.replaceAll("`wasmlet ", `\`${invocation} `) }
      : {
          message: messageOf(thrown),
          fix: "This is a defect of wasmlet: run it again with WASMLET_DEBUG=1 and report it.",
        };
  if (asJson) return formatJson({ error: { ...error, ...(stack !== undefined && { stack }) } });
  const { code, expected, actual, where } = error as Partial<ReturnType<WasmletError["toJSON"]>>;
  const lines = [`error: ${code === undefined ? "" : `${code}: `}${error.message}`];
  for (const [name, value] of Object.entries({ expected, got: actual, where, fix: error.fix })) {
    if (value !== undefined) lines.push(`  ${name}: ${value}`);
  }
  if (stack !== undefined) lines.push(...stack.split("\n"));
  return `${lines.join("\n").split("\n").map(printable).join("\n")}\n`;
}

/** Returns the exit code of a failed command: 2 where the command line was not understood, else 1. */
export function exitCodeOf(thrown: unknown): number {
  return thrown instanceof WasmletError && thrown.code === "CLI_USAGE" ? EXIT_USAGE : EXIT_FAILED;
}
