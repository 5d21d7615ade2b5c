import { statSync } from "node:fs";
import { resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import type { Config } from "../config/config.ts";
import { parseDuration, parseQuantity } from "../crds/quantity.ts";
import type { RunOptions } from "../node-runtime/runtime-api.ts";

/*
 * What the values of options look like. Each reader throws commander's InvalidArgumentError, which becomes a
 * CLI_USAGE error with the option's name in front.
 */

const MAX_PORT = 65_535;
const PORT_BASE = 8080;
const MANAGEMENT_PORT = 9464;
const MAX_CELLS = 64;
const MAX_SPARE_CELLS = 8;

/** The formats of `-o`, the first one being the default. */
export function outputOption(...formats: [string, ...string[]]): Option {
  return new Option("-o, --output <format>", "how to print").choices(formats).default(formats[0]);
}

/** Where prepared artifacts are kept; the configuration's folder unless the user names another. */
export function cacheOption({ cacheDirectory }: Config): Option {
  return new Option("--cache-dir <folder>", "folder for prepared artifacts")
    .default(cacheDirectory)
    .argParser((text) => resolve(text));
}

/** The first port for apps. */
export function portBaseOption(): Option {
  return new Option("--port-base <port>", "first port for apps that name none; 0 takes any free ones")
    .default(PORT_BASE)
    .argParser(readPort);
}

/** The port of metrics, health and `/v1/apps`. */
export function managementPortOption(): Option {
  return new Option("--management-port <port>", "port for metrics, health and the list of apps; 0 takes any free one")
    .default(MANAGEMENT_PORT)
    .argParser(readPort);
}

/** --shared-cells: whether namespaces may share a process. */
export function sharedCellsOption(): Option {
  return new Option("--shared-cells", "let apps of several namespaces share processes where all of them ask for it");
}

/** How many processes share the apps. */
export function cellsOption(): Option {
  return new Option("--cells <number>", "processes that run the http apps").default(2).argParser(readCells);
}

/** How many processes stand by. */
export function spareCellsOption(): Option {
  return new Option("--spare-cells <number>", "processes that stand by for one that dies; 0 for none")
    .default(1)
    .argParser(readSpareCells);
}

/** How long accepted requests may take after the signal to stop; milliseconds. */
export function graceOption(): Option {
  return new Option("--grace <duration>", "time that accepted requests get after SIGTERM or Ctrl-C")
    .default(30_000, "30s")
    .argParser(readDuration);
}

/** The most memory of a program that is run; bytes. */
export function memoryOption(): Option {
  return new Option("--memory <quantity>", "the most memory it may have, such as 256Mi")
    .default(2 ** 32, "4Gi")
    .argParser(readMemory);
}

/** Reads a port; 0 stands for any free one. */
export function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= MAX_PORT) return port;
  throw new InvalidArgumentError(`Expected a port from 0 to ${MAX_PORT}.`);
}

function readCells(text: string): number {
  const cells = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (cells >= 1 && cells <= MAX_CELLS) return cells;
  throw new InvalidArgumentError(`Expected a number from 1 to ${MAX_CELLS}.`);
}

function readSpareCells(text: string): number {
  const cells = /^\d{1,2}$/.test(text) ? Number(text) : -1;
  if (cells >= 0 && cells <= MAX_SPARE_CELLS) return cells;
  throw new InvalidArgumentError(`Expected a number from 0 to ${MAX_SPARE_CELLS}.`);
}

/** Reads a duration such as `30s` or `1m30s` and returns milliseconds. */
export function readDuration(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined) return milliseconds;
  throw new InvalidArgumentError("Expected a duration such as 30s, 1m30s or 500ms.");
}

/** Reads an amount of memory such as `256Mi` and returns bytes. */
export function readMemory(text: string): number {
  const bytes = parseQuantity(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new InvalidArgumentError("Expected an amount of memory such as 64Mi or 1Gi.");
}

/** Reads `NAME=VALUE`, or `NAME` to pass on the caller's own variable. */
export function readVariable(text: string, inherited: (name: string) => string | undefined): [string, string] {
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  if (name === "") throw new InvalidArgumentError("Expected NAME=VALUE, or NAME to pass on your own.");
  if (equals !== -1) return [name, text.slice(equals + 1)];
  const value = inherited(name);
  if (value !== undefined) return [name, value];
  throw new InvalidArgumentError(`The variable ${name} is not set here; write ${name}=VALUE.`);
}

/** Reads `HOST[::GUEST]`: a folder that the guest sees, under the same name unless another is given. */
export function readPreopen(text: string): RunOptions["preopens"][number] {
  const [host = "", guest = host, ...rest] = text.split("::");
  if (host === "" || guest === "" || rest.length > 0) throw new InvalidArgumentError("Expected HOST or HOST::GUEST.");
  const hostPath = resolve(host);
  if (statSync(hostPath, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new InvalidArgumentError(`There is no folder ${hostPath}.`);
  }
  return { hostPath, guestPath: guest, writable: true };
}

/** Returns a reader for an option that may be given several times. */
export function collect<Value>(read: (text: string) => Value): (text: string, before?: Value[]) => Value[] {
  return (text, before = []) => [...before, read(text)];
}
