import { Command, CommanderError } from "commander";
import type { WasmletError } from "../common/errors.ts";
import { readConfig, type Config } from "../config/config.ts";
import type { CommandContext } from "./command-context.ts";
import { COMMANDS, type CommandEntry } from "./commands.ts";
import { renderHelp } from "./help.ts";
import { describeError, exitCodeOf, writeErr } from "./output.ts";
import { usageErrorOf } from "./usage-error.ts";

/** What makes a program: `wasmlet` itself, or the plugin of kubectl. */
export interface ProgramDefinition {
  /** As it is called: `wasmlet`, `kubectl wasmlet`. */
  name: string;
  commands: readonly CommandEntry[];
  /** Adds what is the program's own: options of all commands, help. */
  configure: (program: Command) => void;
  /** How the user calls it here, where that is not by its name. */
  invocation?: (config: Config) => string;
}

const WASMLET: ProgramDefinition = {
  name: "wasmlet",
  commands: COMMANDS,
  configure: (program) => {
    program.usage("COMMAND [options]").enablePositionalOptions();
    program.helpInformation = renderHelp;
  },
  invocation: ({ invocation }) => invocation,
};

/** Runs a command line and returns its exit code: 0 done, 1 failed, 2 not understood, or the guest's own. */
export async function runProgram(args: readonly string[], definition = WASMLET): Promise<number> {
  let config: Config | undefined;
  let program: Command | undefined;
  // `wasmlet get apps | head -1` closes the pipe early: no reason to complain. A guest's own output is for `run`.
  if (args[0] !== "run") process.stdout.on("error", endQuietly);
  try {
    config = readConfig();
    let exitCode = 0;
    program = await buildProgram(definition, args, { config, finish: (code) => (exitCode = code) });
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (thrown) {
    // Commander's ways to say that it has shown help, where it was asked for and where a command of a command is missing.
    if (thrown instanceof CommanderError && (thrown.exitCode === 0 || thrown.code === "commander.help")) return 0;
    const error = thrown instanceof CommanderError ? inWords(thrown, args, program) : thrown;
    const withStack = config?.showsStacks ?? false;
    const invocation = (config && definition.invocation?.(config)) ?? definition.name;
    writeErr(describeError(error, { asJson: wantsJson(args), withStack, invocation }));
    return exitCodeOf(error);
  }
}

/** Builds the parser; of the commands only those that the line names are loaded whole. */
async function buildProgram(
  { name, commands, configure }: ProgramDefinition,
  args: readonly string[],
  context: CommandContext,
): Promise<Command> {
  const program = new Command(name)
    .exitOverride()
    // Errors are printed by runProgram, all in one form.
    .configureOutput({ outputError: () => {}, writeErr: () => {} });
  configure(program);
  for (const { name: command, summary, load } of commands) {
    const defined = program.command(command).description(summary);
    if (args.includes(command)) (await load())(defined, context);
  }
  return program;
}

/** Returns commander's error in the user's words, with the usage of the command that the line names. */
function inWords(error: CommanderError, args: readonly string[], program: Command | undefined): WasmletError {
  const path: string[] = [];
  let command = program;
  for (const arg of args) {
    const next: Command | undefined = command?.commands.find((known) => known.name() === arg);
    if (next === undefined) continue;
    command = next;
    path.push(arg);
  }
  const usage = [program?.name() ?? "wasmlet", ...path, command?.usage() ?? ""].join(" ");
  return usageErrorOf(error, path.length === 0 ? undefined : path.join(" "), usage);
}

/** Whether errors are wanted as JSON: they may come before the options are parsed. */
function wantsJson(args: readonly string[]): boolean {
  if (args[0] === "run") return false; // what looks like an option may be the guest's
  const end = args.indexOf("--");
  const own = end === -1 ? args : args.slice(0, end);
  return own.some(
    (arg, index) =>
      arg === "-ojson" || arg === "--output=json" || (["-o", "--output"].includes(arg) && own[index + 1] === "json"),
  );
}

function endQuietly(error: NodeJS.ErrnoException): void {
  process.exit(error.code === "EPIPE" ? 0 : 1);
}
