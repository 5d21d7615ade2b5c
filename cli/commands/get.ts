import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { fetchApps, type ListedApp } from "../app-list.ts";
import type { CommandContext } from "../command-context.ts";
import { outputOption } from "../options.ts";
import { formatJson, formatSeconds, writeErr, writeOut } from "../output.ts";
import { formatTable } from "../table.ts";

interface GetOptions {
  address: string;
  namespace?: string;
  output: "table" | "wide" | "json";
}

/** `wasmlet get apps`: the apps of a running node runtime. */
export function defineGet(command: Command, _context: CommandContext): void {
  const address = new Option("--address <url>", "management address of the node runtime");
  command
    .addArgument(new Argument("<resource>", "what to list").choices(["apps"]))
    .addOption(address.default("http://127.0.0.1:9464").argParser(readAddress))
    .option("-n, --namespace <name>", "only the apps of one namespace")
    .addOption(outputOption("table", "wide", "json"))
    .addHelpText("after", HELP)
    .action(async (_resource: string, { address, namespace, output }: GetOptions) => {
      const all = await fetchApps(address);
      const apps = namespace === undefined ? all : all.filter((app) => app.namespace === namespace);
      if (output === "json") writeOut(formatJson({ apps }));
      else if (apps.length > 0) writeOut(formatApps(apps, output === "wide"));
      else writeErr(namespace === undefined ? "No apps.\n" : `No apps in namespace ${namespace}.\n`);
    });
}

const HELP = `
Examples:
  wasmlet get apps
  wasmlet get apps -n default -o wide
  wasmlet get apps -o json | jq '.apps[] | select(.state == "Failed")'
`;

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

function readAddress(text: string): string {
  const address = /^https?:\/\//i.test(text) ? text : `http://${text}`;
  if (URL.canParse(address)) return address;
  throw new InvalidArgumentError("Expected an address such as http://127.0.0.1:9464.");
}
