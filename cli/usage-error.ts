import type { CommanderError } from "commander";
import { WasmletError } from "../common/errors.ts";

/** How commander says that a value is not accepted, and why. */
const INVALID =
  /^(?:option '(?<option>[^']+)' argument|command-argument value) '(?<value>.*)' is invalid(?: for argument '(?<argument>[^']+)')?\. (?<why>.*)$/s;

/** Returns commander's error in the form of all others: what was expected, what came, and where to read more. */
export function usageErrorOf({ message }: CommanderError, command: string | undefined, usage: string): WasmletError {
  const [problem = "", suggestion] = message.replace(/^error: /, "").split("\n");
  const help = `See \`wasmlet ${command === undefined ? "" : `${command} `}--help\`.`;
  // Commander writes its suggestion as "(Did you mean x?)".
  const fix = suggestion === undefined ? help : `${suggestion.replace(/^\((.*)\)$/, "$1")} ${help}`;
  const { option, value, argument, why } = INVALID.exec(problem)?.groups ?? {};
  if (why !== undefined) {
    const what = `${option ?? `<${argument}>`} can't be '${value}'`;
    const expected = /^(?:Allowed choices are|Expected) (.*)\.$/s.exec(why)?.[1];
    if (expected === undefined) return new WasmletError("CLI_USAGE", `${what}: ${why}`, { fix });
    const choices = why.startsWith("Allowed") ? "one of: " : "";
    return new WasmletError("CLI_USAGE", what, { expected: `${choices}${expected}`, fix });
  }
  const isArgument = /^(missing required argument|too many arguments)/.test(problem);
  return new WasmletError("CLI_USAGE", problem, { fix, ...(isArgument && { expected: usage }) });
}
