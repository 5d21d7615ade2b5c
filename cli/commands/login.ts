import { text as readAll } from "node:stream/consumers";
import { Argument, type Command } from "commander";
import { WasmletError } from "../../common/errors.ts";
import { Secret } from "../../common/secret.ts";
import { runHelper } from "../../oci/docker-config/helper.ts";
import { saveLogin } from "../../oci/docker-config/user-file.ts";
import type { CommandContext } from "../command-context.ts";
import { writeOut } from "../output.ts";
import { askPassword } from "../password.ts";
import { addRegistryOptions, readRegistry, registriesOf, type RegistryFlags } from "../registry-options.ts";

interface LoginOptions extends RegistryFlags {
  username: string;
  passwordStdin?: true;
}

/** `wasmlet login REGISTRY`: credentials for a registry, tried and then kept as docker keeps them. */
export function defineLogin(command: Command, { config }: CommandContext): void {
  addRegistryOptions(
    command
      .addArgument(new Argument("<registry>", "a registry, such as ghcr.io").argParser(readRegistry))
      .requiredOption("-u, --username <name>", "who you are there")
      .option("--password-stdin", "read the password or token from standard input"),
  )
    .addHelpText("after", HELP)
    .action(async (registry: string, options: LoginOptions) => {
      const { username, passwordStdin = false } = options;
      const password = await readPassword(passwordStdin, `${username}@${registry}`);
      const { RegistryClient } = await import("../../oci/registry/client.ts");
      const client = RegistryClient.create({
        ...(await registriesOf(options, config)),
        credentials: () => Promise.resolve({ kind: "password", username, password }),
      });
      await client
        .checkAccess(registry)
        .catch(withAdvice)
        .finally(() => client.close());
      const place = await saveLogin(config.dockerConfigFile, registry, { username, password }, runHelper);
      writeOut(`logged in to ${registry} as ${username}; kept in ${place}\n`);
    });
}

/** Whoever logs in need not be told to log in. */
function withAdvice(thrown: unknown): never {
  if (!(thrown instanceof WasmletError) || thrown.code !== "OCI_UNAUTHORIZED") throw thrown;
  const fix = "Check the user name, and the password or token; nothing was kept.";
  throw new WasmletError(thrown.code, thrown.message, { ...thrown.details, fix, cause: thrown });
}

const HELP = `
The credentials are tried first. They are kept in docker's configuration (or its credential helper), for docker and
wasmlet alike.

Examples:
  wasmlet login ghcr.io -u ada
  pass show ghcr.io | wasmlet login ghcr.io -u ada --password-stdin
`;

async function readPassword(fromStdin: boolean, who: string): Promise<Secret> {
  if (!fromStdin && !process.stdin.isTTY) {
    throw new WasmletError("CLI_USAGE", "there is no terminal to ask for the password on", {
      fix: "Give it on standard input, with --password-stdin.",
    });
  }
  // One end of line is the shell's.
  const password = fromStdin ? (await readAll(process.stdin)).replace(/\r?\n$/, "") : await askPassword(who);
  if (password !== "") return new Secret(password);
  throw new WasmletError("CLI_USAGE", "the password is empty", { expected: "a password or a token" });
}
