import { resolve } from "node:path";
import { Command, Option } from "commander";
import { formatBytes, formatJson, writeOut } from "../cli/output.ts";
import { messageOf } from "../common/errors.ts";
import { buildImage, defaultName, fillFolders } from "./build.ts";
import { OWN_PLATFORM, PLATFORMS } from "./platform.ts";

const EXAMPLES = `
Libraries come from Debian's archive through apt-get, everything else from node_modules: no container engine is needed.

With QEMU it is the image of the pods that compare starts: the layers of the other one, and one more with QEMU and a kernel, in
which \`wasmlet bench startup\` starts virtual machines too. It needs no privilege and no /dev/kvm, but uses that where it is.

Examples:
  npm run image                                          build .cache/image/wasmlet-amd64.tar
  npm run image -- --platform linux/arm64 -o json        for another architecture; prints what it is as JSON
  npm run image -- --with-qemu                           build .cache/image/wasmlet-startup-probe-amd64.tar
  ctr -n k8s.io images import .cache/image/wasmlet-amd64.tar`;

interface Options {
  name?: string;
  platform: string;
  withQemu?: boolean;
  file?: string;
  folder?: string;
  output: "text" | "json";
}

await new Command("npm run image --")
  .description("Build the container image of the operator and the node runtime as an OCI archive.")
  .option(
    "--name <reference>",
    `name in the archive; default ${await defaultName(false)}, or ${await defaultName(true)}`,
  )
  .addOption(
    new Option("--platform <os/arch>", "for which machines").choices(Object.keys(PLATFORMS)).default(OWN_PLATFORM),
  )
  .option("--with-qemu", "build the image for comparing starts with virtual machines (linux/amd64)")
  .option("--file <file>", "where to write it; default .cache/image/NAME-ARCH.tar")
  .option("--folder <folder>", "write the files of each layer below this folder instead, as the Containerfile does")
  .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
  .addHelpText("after", EXAMPLES)
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`error: the image could not be built: ${messageOf(error)}\n`);
    process.exitCode = 1;
  });

async function run({ name, platform, withQemu = false, file, folder, output }: Options): Promise<void> {
  if (folder !== undefined) return await fillFolders(resolve(folder), platform, withQemu);
  const image = await buildImage({
    platform,
    withQemu,
    ...(name !== undefined && { name }),
    ...(file !== undefined && { file: resolve(file) }),
  });
  if (output === "json") return writeOut(formatJson(image));
  const layers = image.layers.map((layer) => `${layer.name} ${formatBytes(layer.size)}`).join(", ");
  writeOut(`${image.file}\n${image.name}@${image.digest}\n${formatBytes(image.compressedBytes)} (${layers})\n`);
}
