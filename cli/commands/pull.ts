import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { cacheOption, outputOption } from "../options.ts";
import { formatBytes, formatJson, printable, writeOut } from "../output.ts";
import { TransferProgress } from "../transfer-progress.ts";
import { addArtifactOptions, registriesOf, type RegistryFlags } from "../registry-options.ts";

interface PullOptions extends RegistryFlags {
  file?: string;
  cacheDir: string;
  output: "text" | "json";
}

/** `wasmlet pull REF`: an artifact, verified and kept. */
export function definePull(command: Command, { config }: CommandContext): void {
  addArtifactOptions(
    command
      .argument("<ref>", "an artifact in a registry")
      .option("-f, --file <file>", "write the program to a file as well")
      .addOption(cacheOption(config))
      .addOption(outputOption("text", "json")),
  )
    .addHelpText("after", HELP)
    .action(async (image: string, options: PullOptions) => {
      const { pullArtifact } = await import("../../node-runtime/registry-commands.ts");
      const progress = new TransferProgress(process.stderr);
      const { cacheDir: cacheDirectory, file, output } = options;
      const { found, programs } = await pullArtifact(image, {
        cacheDirectory,
        cacheMaxBytes: config.cacheMaxBytes,
        registries: await registriesOf(options, config),
        file,
        onProgress: ({ digest, size }, received) => progress.note(digest, received, size),
      }).finally(() => progress.end());
      const summary = {
        image,
        digest: found.digest,
        layout: found.choice.name,
        programs,
      };
      const bytes = programs.reduce((sum, program) => sum + program.bytes, 0);
      if (output === "json") writeOut(formatJson(summary));
      else writeOut(`${printable(image)}: ${found.digest}\n${found.choice.name}, ${formatBytes(bytes)}\n`);
    });
}

const HELP = `
What is pulled is kept for apps, which then start without the registry. Credentials are those of \`wasmlet login\` and
of docker.

Examples:
  wasmlet pull ghcr.io/example/hello:1.0.0
  wasmlet pull localhost:5000/hello -f hello.wasm
  wasmlet pull ghcr.io/example/hello:1.0.0 -o json | jq -r .digest
`;
