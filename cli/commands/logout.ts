import { Argument, type Command } from "commander";
import { runHelper } from "../../oci/docker-config/helper.ts";
import { removeLogin } from "../../oci/docker-config/user-file.ts";
import type { CommandContext } from "../command-context.ts";
import { writeOut } from "../output.ts";
import { readRegistry } from "../registry-options.ts";

/** `wasmlet logout REGISTRY`: forgets credentials, wherever docker keeps them. */
export function defineLogout(command: Command, { config }: CommandContext): void {
  command
    .addArgument(new Argument("<registry>", "a registry, such as ghcr.io").argParser(readRegistry))
    .addHelpText("after", HELP)
    .action(async (registry: string) => {
      const wasKnown = await removeLogin(config.dockerConfigFile, registry, runHelper);
      writeOut(wasKnown ? `logged out of ${registry}\n` : `there were no credentials for ${registry}\n`);
    });
}

const HELP = `
Examples:
  wasmlet logout ghcr.io
`;
