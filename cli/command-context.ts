import type { Command } from "commander";
import type { Config } from "../config/config.ts";

/** What a command gets beside its own arguments. */
export interface CommandContext {
  readonly config: Config;
  /** Tells the exit code; 0 where a command does not. */
  finish: (exitCode: number) => void;
}

/** Adds arguments, options, help and action to a command. */
export type DefineCommand = (command: Command, context: CommandContext) => void;
