import type { AppView } from "../../node-runtime/runtime-api.ts";
import { formatSeconds, printable } from "../output.ts";
import { formatTable } from "../table.ts";
import type { Readiness } from "./readiness.ts";

const DEFAULT_MANAGEMENT_PORT = "9464";

/** Returns what the live line says while apps get ready. */
export function describeProgress({ answered, failed, waiting }: Readiness): string {
  const done = `${answered.size}/${answered.size + failed.size + waiting.size} apps ready`;
  return waiting.size === 0 ? done : `${done}, waiting for ${[...waiting.keys()].map(shortName).join(", ")}`;
}

/** Returns lines for what changed since the last call, where no live line is seen: each app that answered or failed. */
export function createProgressNews(): (readiness: Readiness) => string[] {
  const told = new Map<string, string>();
  return ({ answered, failed, waiting }) => {
    const total = answered.size + failed.size + waiting.size;
    const now = [...[...answered].map((id): [string, string] => [id, "ready"]), ...failed];
    const news = now.filter(([id, outcome]) => told.get(id) !== outcome);
    return news.map(([id, outcome]) => {
      told.set(id, outcome);
      const ready = [...told.values()].filter((known) => known === "ready").length;
      return `${shortName(id)}: ${outcome} (${ready}/${total})`;
    });
  };
}

/** Returns the table of the demo's apps. */
export function describeApps(apps: readonly AppView[], { failed, waiting }: Readiness): string {
  const rows = apps.map(({ namespace, name, kind, engine = "", urls, state, startP50Seconds: start }) => {
    const id = `${namespace}/${name}`;
    const p50 = start === undefined ? "" : formatSeconds(start);
    return [name, kind, engine, urls.join(","), state, p50, failed.get(id) ?? waiting.get(id) ?? ""];
  });
  const hasReason = rows.some((row) => row.at(-1) !== "");
  const head = ["APP", "KIND", "ENGINE", "URL", "STATE", "START-P50", "REASON"];
  const columns = hasReason ? head.length : head.length - 1;
  return formatTable(
    head.slice(0, columns),
    rows.map((row) => row.slice(0, columns)),
  );
}

/** Returns why apps of the demo did not answer, a line each. */
export function describeFailures({ failed, waiting }: Readiness): string {
  return [...failed, ...waiting].map(([id, reason]) => printable(`${shortName(id)}: ${reason}`)).join("\n");
}

/** Returns what to try while the demo serves. */
export function describeNextSteps(apps: readonly AppView[], managementUrl: string): string {
  const urlOf = (name: string): string | undefined => apps.find((app) => app.name === name)?.urls[0];
  const tries: [string, string | undefined, string, string][] = [
    ["hello-rust", "/you", "", "a component in Rust says hello"],
    ["hello-js", "/", "", "the same in JavaScript"],
    ["caller-rust", "/", "", "one app calls another"],
    ["caller-rust", "/forbidden", "", "and is refused where its manifest does not let it"],
    ["image-rust", "/?width=800&height=600", " -o mandelbrot.png", "computes a picture"],
  ];
  const commands = tries.flatMap(([name, path, option, meaning]) => {
    const url = urlOf(name);
    return url === undefined ? [] : [[`curl '${new URL(path ?? "/", url).href}'${option}`, meaning]];
  });
  const isDefault = new URL(managementUrl).port === DEFAULT_MANAGEMENT_PORT;
  const address = isDefault ? "" : ` --address ${new URL(managementUrl).origin}`;
  commands.push([`npm run -s wasmlet -- get apps${address}`, "state, restarts and start times"]);
  commands.push([`curl ${new URL("/metrics", managementUrl).href}`, "metrics for Prometheus"]);
  const width = Math.max(...commands.map(([command = ""]) => command.length));
  const lines = commands.map(([command = "", meaning = ""]) => `  ${command.padEnd(width)}  # ${meaning}`);
  return `Try in another terminal:\n${lines.join("\n")}\n`;
}

function shortName(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}
