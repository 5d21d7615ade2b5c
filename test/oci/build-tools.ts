import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { goTool, goToolFolder, GO_TOOLS } from "./tools.ts";

/*
 * `npm run test:tools` builds the tools of tests that are no dependency, once per version, into .cache: crane and oras, or
 * those that are named.
 */

const named = process.argv.slice(2);
const wanted = new Set(named.length > 0 ? named : ["crane", "oras"]);
for (const name of Object.keys(GO_TOOLS) as (keyof typeof GO_TOOLS)[]) {
  if (!wanted.has(name) || goTool(name).path !== undefined) continue;
  const { module, version } = GO_TOOLS[name];
  const folder = goToolFolder(name);
  mkdirSync(folder, { recursive: true });
  const { status, error } = spawnSync("go", ["install", `${module}@${version}`], {
    stdio: "inherit",
    env: { ...process.env, GOBIN: folder },
  });
  if (status === 0) continue;
  process.stderr.write(
    `${name} could not be built: ${error?.message ?? `go ended with ${status}`} (https://go.dev/dl/)\n`,
  );
  process.exitCode = 1;
}
