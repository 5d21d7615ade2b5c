import type { Command } from "commander";
import { WasmletError } from "../../common/errors.ts";
import type { PreparedArtifact } from "../../node-runtime/artifacts/prepared-artifact.ts";
import type { CommandContext } from "../command-context.ts";
import { cacheOption, outputOption } from "../options.ts";
import type { InspectedImage } from "../../node-runtime/inspect.ts";
import { describeImage, summariseImage } from "../image-summary.ts";
import { formatBytes, formatJson, printable, writeOut } from "../output.ts";
import { addArtifactOptions, isReference, registriesOf, type RegistryFlags } from "../registry-options.ts";
import { describeSpin, summariseSpin } from "../spin-summary.ts";

const PAGE_BYTES = 65_536;

interface InspectOptions extends RegistryFlags {
  cacheDir: string;
  output: "text" | "json";
}

/** `wasmlet inspect FILE|REF`: what an artifact is, without running it. */
export function defineInspect(command: Command, { config }: CommandContext): void {
  addArtifactOptions(command.argument("<file>", "a .wasm file, or an artifact in a registry"))
    .addOption(cacheOption(config))
    .addOption(outputOption("text", "json"))
    .addHelpText("after", HELP)
    .action(async (file: string, options: InspectOptions) => {
      const { cacheDir, output } = options;
      const { inspectFile, inspectImage } = await import("../../node-runtime/inspect.ts");
      if (isReference(file)) {
        const registries = await registriesOf(options, config);
        return printImage(file, await inspectImage(file, cacheDir, registries, config.cacheMaxBytes), output);
      }
      const artifact = await inspectFile(file, cacheDir, config.cacheMaxBytes);
      writeOut(output === "json" ? formatJson(summarise(file, artifact)) : describeArtifact(file, artifact));
    });
}

const HELP = `
An artifact that cannot run here is an error that names why: what it imports and is not offered, or what is invalid.

Examples:
  wasmlet inspect hello.wasm
  wasmlet inspect hello.wasm -o json | jq .imports
  wasmlet inspect ghcr.io/example/hello:1.0.0
`;

/** What was found is told also where it does not run: that is when it is of use. Throws why it does not. */
function printImage(file: string, { found, spin, programs }: InspectedImage, output: InspectOptions["output"]): void {
  const artifact = summariseImage(found);
  const inspected = programs instanceof WasmletError ? [] : programs;
  const failure = programs instanceof WasmletError ? programs : inspected.map(({ prepared }) => prepared).find(isError);
  const named = inspected.flatMap(({ prepared, component }) =>
    isError(prepared) ? [] : [{ file: component === undefined ? file : `${file}: ${component.name}`, prepared }],
  );
  const application = spin && summariseSpin(spin, inspected);
  if (output === "json") {
    const summaries = named.map((program) => summarise(program.file, program.prepared));
    const told = application === undefined ? { program: summaries[0] } : { application, programs: summaries };
    writeOut(formatJson({ artifact, ...told }));
  } else {
    const texts = named.map((program) => describeArtifact(program.file, program.prepared, "program"));
    const spinTexts = application === undefined ? [] : [describeSpin(application)];
    writeOut([describeImage(artifact), ...spinTexts, ...texts].join("\n"));
  }
  if (failure !== undefined) throw failure;
}

function isError(prepared: PreparedArtifact | WasmletError): prepared is WasmletError {
  return prepared instanceof WasmletError;
}

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

/** Returns what is worth knowing of a prepared artifact, for people; in an image its digest is another one than the image's. */
export function describeArtifact(
  file: string,
  artifact: PreparedArtifact,
  digestName: "digest" | "program" = "digest",
): string {
  const summary = summarise(file, artifact);
  const facts: [string, string][] = [
    ["file", summary.file],
    [digestName, summary.digest],
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
