import { Command, CommanderError } from "commander";
import type { WasmletError } from "../common/errors.ts";
import { readConfig, type Config } from "../config/config.ts";
import type { CommandContext } from "./command-context.ts";
import { COMMANDS } from "./commands.ts";
import { renderHelp } from "./help.ts";
import { describeError, exitCodeOf, writeErr } from "./output.ts";
import { usageErrorOf } from "./usage-error.ts";

/** Runs a command line and returns its exit code: 0 done, 1 failed, 2 not understood, or the guest's own. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let config: Config | undefined;
  let program: Command | undefined;
  // `wasmlet get apps | head -1` closes the pipe early: no reason to complain. A guest's own output is for `run`.
  if (args[0] !== "run") process.stdout.on("error", endQuietly);
  try {
    config = readConfig();
    let exitCode = 0;
    program = await buildProgram(args, { config, finish: (code) => (exitCode = code) });
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (thrown) {
    // Commander's way to say that it has shown help.
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    const error = thrown instanceof CommanderError ? inWords(thrown, args[0], program) : thrown;
    const { showsStacks: withStack = false, invocation = "wasmlet" } = config ?? {};
    writeErr(describeError(error, { asJson: wantsJson(args), withStack, invocation }));
    return exitCodeOf(error);
  }
}

/** Builds the parser; of the commands only those that the line names are loaded whole. */
async function buildProgram(args: readonly string[], context: CommandContext): Promise<Command> {
  const program = new Command("wasmlet")
    .usage("COMMAND [options]")
    .enablePositionalOptions()
    .exitOverride()
    // Errors are printed by runProgram, all in one form.
    .configureOutput({ outputError: () => {}, writeErr: () => {} });
  program.helpInformation = renderHelp;
  for (const { name, summary, load } of COMMANDS) {
    const command = program.command(name).description(summary);
    if (args.includes(name)) (await load())(command, context);
  }
  return program;
}

/** Returns commander's error in the user's words, with the usage of the command that the line names. */
function inWords(error: CommanderError, name: string | undefined, program: Command | undefined): WasmletError {
  const command = program?.commands.find((known) => known.name() === name);
  return usageErrorOf(error, command?.name(), `wasmlet ${command?.name() ?? ""} ${command?.usage() ?? ""}`);
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
