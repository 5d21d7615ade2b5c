import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { readManifestFiles } from "../manifest-files.ts";
import { outputOption } from "../options.ts";
import { formatJson, writeOut } from "../output.ts";

/** `wasmlet validate FILE…`: what is wrong with manifests, all of it at once. */
export function defineValidate(command: Command, { finish }: CommandContext): void {
  command
    .argument("<file...>", "manifests, folders of them, or - for standard input")
    .addOption(outputOption("text", "json"))
    .addHelpText("after", HELP)
    .action(async (paths: string[], { output }: { output: "text" | "json" }) => {
      // Reading YAML takes longer to load than the rest of the command: not for --help.
      const { describeValidation, validateManifests } = await import("../validation.ts");
      const validation = validateManifests(await readManifestFiles(paths));
      writeOut(output === "json" ? formatJson(validation) : describeValidation(validation));
      finish(validation.valid ? 0 : 1);
    });
}

const HELP = `
Prints a line \`file:line:column: field: problem\` per problem and what to do about it. Exits with 1 when there is one.

Examples:
  wasmlet validate app.yaml
  wasmlet validate ./manifests -o json
  helm template ./chart | wasmlet validate -
`;
