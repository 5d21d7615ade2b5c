import { resolve } from "node:path";
import { Command, Option } from "commander";
import { formatBytes, formatJson, writeOut } from "../cli/output.ts";
import { messageOf } from "../common/errors.ts";
import { buildImage, defaultName, fillFolders } from "./build.ts";
import { OWN_PLATFORM, PLATFORMS } from "./platform.ts";

const EXAMPLES = `
Libraries come from Debian's archive through apt-get, everything else from node_modules: no container engine is needed.

Examples:
  npm run image                                          build .cache/image/wasmlet-amd64.tar
  npm run image -- --platform linux/arm64 -o json        for another architecture; prints what it is as JSON
  ctr -n k8s.io images import .cache/image/wasmlet-amd64.tar`;

interface Options {
  name: string;
  platform: string;
  file?: string;
  folder?: string;
  output: "text" | "json";
}

await new Command("npm run image --")
  .description("Build the container image of the operator and the node runtime as an OCI archive.")
  .option("--name <reference>", "name of the image in the archive", await defaultName())
  .addOption(
    new Option("--platform <os/arch>", "for which machines").choices(Object.keys(PLATFORMS)).default(OWN_PLATFORM),
  )
  .option("--file <file>", "where to write it; default .cache/image/wasmlet-ARCH.tar")
  .option("--folder <folder>", "write the files of each layer below this folder instead, as the Containerfile does")
  .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
  .addHelpText("after", EXAMPLES)
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`error: the image could not be built: ${messageOf(error)}\n`);
    process.exitCode = 1;
  });

async function run({ name, platform, file, folder, output }: Options): Promise<void> {
  if (folder !== undefined) return await fillFolders(resolve(folder), platform);
  const image = await buildImage({ name, platform, ...(file !== undefined && { file: resolve(file) }) });
  if (output === "json") return writeOut(formatJson(image));
  const layers = image.layers.map((layer) => `${layer.name} ${formatBytes(layer.size)}`).join(", ");
  writeOut(`${image.file}\n${image.name}@${image.digest}\n${formatBytes(image.compressedBytes)} (${layers})\n`);
}
