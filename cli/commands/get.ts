import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { WasmletError } from "../../common/errors.ts";
import { fetchApps, type AppList, type ListedApp } from "../app-list.ts";
import type { CommandContext } from "../command-context.ts";
import { outputOption } from "../options.ts";
import { formatJson, formatSeconds, printable, writeErr, writeOut } from "../output.ts";
import { formatTable } from "../table.ts";

interface GetOptions {
  address: string;
  namespace?: string;
  output: "table" | "wide" | "json" | "yaml";
}

/** The names that kubectl takes for WasmApps, and the short ones. */
const RESOURCES: ReadonlySet<string> = new Set(["apps", "app", "wasmapps", "wasmapp", "wapp"]);

/** `wasmlet get apps [NAME]`: the apps of a running node runtime. */
export function defineGet(command: Command, _context: CommandContext): void {
  const address = new Option("--address <url>", "management address of the node runtime");
  command
    .addArgument(new Argument("<resource>", "what to list: apps").argParser(readResource))
    .argument("[name]", "only the app of this name")
    .addOption(address.default("http://127.0.0.1:9464").argParser(readAddress))
    .option("-n, --namespace <name>", "only the apps of one namespace")
    .addOption(outputOption("table", "wide", "json", "yaml"))
    .addHelpText("after", HELP)
    .action(async (_resource: string, name: string | undefined, { address, namespace, output }: GetOptions) => {
      const { apps: all, problems = [] } = await fetchApps(address);
      const apps = selectApps(all, namespace, name);
      // As kubectl does: a name is answered with the object, everything else with a list.
      if (output === "json" || output === "yaml")
        writeOut(await format(name === undefined ? { apps } : apps[0], output));
      else {
        if (apps.length > 0) writeOut(formatApps(apps, output === "wide"));
        else writeErr(namespace === undefined ? "No apps.\n" : `No apps in namespace ${namespace}.\n`);
        if (name === undefined) writeErr(formatProblems(problems));
      }
    });
}

const HELP = `
START-P50 is the median of an app's cold starts: from the request that woke it to the answer (a command: from its start
to its end).

Examples:
  wasmlet get apps
  wasmlet get app hello -o yaml
  wasmlet get apps -n default -o wide
  wasmlet get apps -o json | jq '.apps[] | select(.state == "Failed")'
`;

/** Returns the apps of a namespace and name; of one name there is exactly one, else it throws APP_NOT_FOUND or CLI_USAGE. */
export function selectApps(
  apps: readonly ListedApp[],
  namespace: string | undefined,
  name: string | undefined,
): ListedApp[] {
  const found = apps.filter(
    (app) => (namespace === undefined || app.namespace === namespace) && (name === undefined || app.name === name),
  );
  if (name === undefined || found.length === 1) return found;
  if (found.length === 0) {
    const where = namespace === undefined ? "" : ` in the namespace ${namespace}`;
    throw new WasmletError("APP_NOT_FOUND", `the node runtime has no app ${name}${where}`);
  }
  throw new WasmletError("CLI_USAGE", `there is an app ${name} in several namespaces`, {
    actual: found.map((app) => app.namespace).join(", "),
    fix: "Name one of them with -n.",
  });
}

/** Returns what is wrong with the manifests, a line each. */
export function formatProblems(problems: NonNullable<AppList["problems"]>): string {
  return problems
    .map(({ code, message, where }) => `problem: ${where === undefined ? "" : `${where}: `}${code}: ${message}`)
    .map((line) => `${printable(line)}\n`)
    .join("");
}

async function format(value: unknown, output: "json" | "yaml"): Promise<string> {
  return output === "json" ? formatJson(value) : (await import("yaml")).stringify(value);
}

/** Returns the apps as a table, one line each. */
export function formatApps(apps: readonly ListedApp[], isWide: boolean): string {
  const head = ["NAMESPACE", "NAME", "KIND", "ENGINE", "STATE", "START-P50", "RESTARTS", "URL", "REASON"];
  const wide = ["EXIT-CODE", "INSTANCES", "DIGEST", "MESSAGE"];
  const rows = apps.map((app) => {
    const { namespace, name, kind, engine = "", state, startP50Seconds: start, restarts, urls, reason = "" } = app;
    const p50 = start === undefined ? "" : formatSeconds(start);
    const row = [namespace, name, kind, engine, state, p50, String(restarts), urls.join(","), reason];
    return isWide ? [...row, ...wideCells(app)] : row;
  });
  return formatTable(isWide ? [...head, ...wide] : head, rows);
}

function wideCells({ exitCode, instances, digest = "", message = "" }: ListedApp): string[] {
  return [exitCode === undefined ? "" : String(exitCode), String(instances), digest.slice(0, 19), message];
}

function readResource(text: string): string {
  if (RESOURCES.has(text)) return text;
  throw new InvalidArgumentError("Expected one of: apps.");
}

function readAddress(text: string): string {
  const address = /^https?:\/\//i.test(text) ? text : `http://${text}`;
  if (URL.canParse(address)) return address;
  throw new InvalidArgumentError("Expected an address such as http://127.0.0.1:9464.");
}
