import { readFileSync } from "node:fs";
import { renderHelp } from "./help.ts";

/*
 * The `wasmlet` command. Help and version come before everything else is loaded: they take the time of `node -e 0`.
 * The rest is in program.ts (the command line), commands/ (one file each) and output.ts (tables and errors).
 */

const HELP = new Set(["-h", "--help", "help"]);
const VERSION = new Set(["-V", "--version"]);

async function main(args: readonly string[]): Promise<number> {
  const [first, ...others] = args;
  if (first === undefined || (others.length === 0 && HELP.has(first))) {
    process.stdout.write(renderHelp());
    return 0;
  }
  if (others.length === 0 && VERSION.has(first)) {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const { runProgram } = await import("./program.ts");
  return runProgram(args);
}

function readVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

const exitCode = await main(process.argv.slice(2));
// A guest's open handles don't keep a finished command alive; standard output and error are written synchronously.
process.exit(exitCode);
