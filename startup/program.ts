import { fileURLToPath } from "node:url";
import { Unavailable } from "./driver.ts";

/*
 * The program that is started: one handler, built as a component and as a static binary (startup/program). In a container the
 * binary is the entrypoint, in a virtual machine it is the init.
 */

const FOLDER = new URL("./", import.meta.url);

/** The component. */
export const COMPONENT = fileURLToPath(new URL("program.wasm", FOLDER));

/** By Node.js' name of the architecture. */
const BINARIES: Readonly<Record<string, string>> = { x64: "program-amd64", arm64: "program-arm64" };

/** Returns the binary for this machine; throws Unavailable where there is none. */
export function requireBinary(): string {
  const name = process.platform === "linux" ? BINARIES[process.arch] : undefined;
  if (name === undefined) throw new Unavailable(`the program has no binary for ${process.platform} on ${process.arch}`);
  return fileURLToPath(new URL(name, FOLDER));
}
