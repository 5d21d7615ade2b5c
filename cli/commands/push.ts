import { InvalidArgumentError, type Command } from "commander";
import { formatReference, parseReference } from "../../oci/reference.ts";
import type { CommandContext } from "../command-context.ts";
import { cacheOption, collect, outputOption } from "../options.ts";
import { formatJson, printable, writeOut } from "../output.ts";
import { TransferProgress } from "../transfer-progress.ts";
import { addRegistryOptions, registriesOf, type RegistryFlags } from "../registry-options.ts";

interface PushOptions extends RegistryFlags {
  check: boolean;
  mountFrom?: string;
  annotation?: [string, string][];
  cacheDir: string;
  output: "text" | "json";
}

/** `wasmlet push FILE REF`: a program as the CNCF's Wasm artifact. */
export function definePush(command: Command, { config }: CommandContext): void {
  addRegistryOptions(
    command
      .argument("<file>", "a .wasm file")
      .argument("<ref>", "where to; without a tag, to the tag latest")
      .option("--no-check", "push it although it may not run here")
      .option("--mount-from <repository>", "take the program from a repository of the registry that may have it")
      .option("--annotation <name=value>", "annotate the manifest; may be repeated", collect(readAnnotation))
      .addOption(cacheOption(config))
      .addOption(outputOption("text", "json")),
  )
    .addHelpText("after", HELP)
    .action(async (file: string, image: string, options: PushOptions) => {
      const { pushFile } = await import("../../node-runtime/registry-commands.ts");
      const progress = new TransferProgress(process.stderr);
      const { check: isChecked, mountFrom, annotation = [], cacheDir: cacheDirectory, output } = options;
      const { digest, program } = await pushFile(file, image, {
        cacheDirectory,
        cacheMaxBytes: config.cacheMaxBytes,
        registries: await registriesOf(options, config),
        isChecked,
        mountFrom,
        annotations: Object.fromEntries(annotation),
        onProgress: ({ digest, size }, sent) => progress.note(digest, sent, size),
      }).finally(() => progress.end());
      // In full: a tag that was left out is latest.
      const pushed = formatReference(parseReference(image));
      if (output === "json") writeOut(formatJson({ image: pushed, digest, program }));
      else writeOut(`${printable(pushed)}: ${digest} (${program})\n`);
    });
}

const HELP = `
The same file makes the same digest: what the artifact says of its making is the file's own time.

Examples:
  wasmlet push hello.wasm ghcr.io/example/hello:1.0.0
  wasmlet push hello.wasm localhost:5000/hello:dev --annotation org.opencontainers.image.licenses=MIT
`;

function readAnnotation(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new InvalidArgumentError("Expected NAME=VALUE.");
}
