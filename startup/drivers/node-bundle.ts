import { readdirSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runToEnd } from "../processes.ts";
import type { BundleContent } from "./bundle.ts";

/*
 * The program for Node.js, in as small a container as there is for it: this machine's Node.js, the libraries that it loads,
 * and the program.
 */

const PROGRAM = fileURLToPath(new URL("../program-node/", import.meta.url));
/** Where Node.js' own image has it. */
const NODE = "/usr/local/bin/node";
/** A process says itself what it has loaded, the loader included; the kernel's part is no file. */
const SHARED_OBJECTS = "process.report.excludeNetwork = true; JSON.stringify(process.report.getReport().sharedObjects)";

/** Returns the bundle of the program for Node.js. */
export async function findNodeBundle(): Promise<BundleContent> {
  const loaded = JSON.parse(await runToEnd(process.execPath, ["-p", SHARED_OBJECTS])) as string[];
  const libraries = loaded.filter((path) => isAbsolute(path)).map((path) => [path, path]);
  const sources = readdirSync(PROGRAM)
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => [`/app/${name}`, join(PROGRAM, name)]);
  return {
    files: { ...Object.fromEntries([...libraries, ...sources]), [NODE]: process.execPath },
    args: [NODE, "/app/server.mjs"],
  };
}
