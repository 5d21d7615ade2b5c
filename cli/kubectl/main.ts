import { runProgram } from "../program.ts";
import { KUBECTL_PLUGIN } from "./plugin.ts";

/*
 * `kubectl wasmlet`: kubectl runs the executable `kubectl-wasmlet` that it finds on PATH. The options are in plugin.ts, the
 * commands in commands/, one file each.
 */

const args = process.argv.slice(2);
const exitCode = await runProgram(args.length === 0 ? ["--help"] : args, KUBECTL_PLUGIN);
// Connections that are kept open don't keep a finished command alive; what it wrote is written.
process.exit(exitCode);
