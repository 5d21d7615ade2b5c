import type { Command } from "commander";
import type { PreparedArtifact } from "../../node-runtime/artifacts/prepared-artifact.ts";
import type { CommandContext } from "../command-context.ts";
import { cacheOption, outputOption } from "../options.ts";
import { formatBytes, formatJson, printable, writeOut } from "../output.ts";

const PAGE_BYTES = 65_536;

/** `wasmlet inspect FILE`: what an artifact is, without running it. */
export function defineInspect(command: Command, { config }: CommandContext): void {
  command
    .argument("<file>", "a .wasm file")
    .addOption(cacheOption(config))
    .addOption(outputOption("text", "json"))
    .addHelpText("after", HELP)
    .action(async (file: string, { cacheDir, output }: { cacheDir: string; output: "text" | "json" }) => {
      const { inspectFile } = await import("../../node-runtime/inspect.ts");
      const artifact = await inspectFile(file, cacheDir, config.cacheMaxBytes);
      writeOut(output === "json" ? formatJson(summarise(file, artifact)) : describeArtifact(file, artifact));
    });
}

const HELP = `
An artifact that cannot run here is an error that names why: what it imports and is not offered, or what is invalid.

Examples:
  wasmlet inspect hello.wasm
  wasmlet inspect hello.wasm -o json | jq .imports
`;

/** What `-o json` prints of an artifact. */
export interface ArtifactSummary {
  file: string;
  digest: string;
  bytes: number;
  kind: PreparedArtifact["kind"];
  wasi: PreparedArtifact["wasi"];
  engine: PreparedArtifact["engine"];
  /** Why a component runs on the general engine. */
  engineReason?: string;
  triggers: PreparedArtifact["triggers"];
  coreModules: number;
  initialMemoryBytes: number;
  imports: string[];
  exports: string[];
  wit?: string;
}

/** Returns what is worth knowing of a prepared artifact. */
export function summarise(file: string, artifact: PreparedArtifact): ArtifactSummary {
  const { digest, bytes, kind, wasi, engine, engineReason, triggers, imports, exports, modules, wit } = artifact;
  const initialMemoryBytes = modules.reduce((sum, { minMemoryPages }) => sum + minMemoryPages * PAGE_BYTES, 0);
  return {
    file,
    digest,
    bytes,
    kind,
    wasi,
    engine,
    ...(engineReason !== undefined && { engineReason }),
    triggers,
    coreModules: modules.length,
    initialMemoryBytes,
    imports,
    exports,
    ...(wit !== undefined && { wit }),
  };
}

/** Returns what is worth knowing of a prepared artifact, for people. */
export function describeArtifact(file: string, artifact: PreparedArtifact): string {
  const summary = summarise(file, artifact);
  const facts: [string, string][] = [
    ["file", summary.file],
    ["digest", summary.digest],
    ["size", formatBytes(summary.bytes)],
    ["kind", summary.kind],
    ["wasi", summary.wasi],
    ["engine", summary.engineReason ? `${summary.engine} (${summary.engineReason})` : summary.engine],
    ["triggers", summary.triggers.join(", ") || "none"],
    ["memory", `${formatBytes(summary.initialMemoryBytes)} at the start`],
    ["modules", String(summary.coreModules)],
  ];
  const lines = facts.map(([name, value]) => `${`${name}:`.padEnd(10)}${printable(value)}`);
  return `${lines.join("\n")}\n\n${describeInterface(summary)}`;
}

/** A component's world is WIT; a core module has none, so its imports and exports are listed. */
function describeInterface({ wit, imports, exports }: ArtifactSummary): string {
  if (wit !== undefined) return `${wit.trimEnd().split("\n").map(printable).join("\n")}\n`;
  return describeList("imports", imports) + describeList("exports", exports);
}

function describeList(name: string, items: readonly string[]): string {
  return `${name}:${items.length === 0 ? " none" : items.map((item) => `\n  ${printable(item)}`).join("")}\n`;
}
