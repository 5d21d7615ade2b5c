import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { DASHBOARD_SCHEMA, goTool, goToolFolder, GO_TOOLS, wkg, wkgFolder, WKG_VERSION } from "./tools.ts";

/*
 * `npm run test:tools` builds the tools of tests that are no dependency, once per version, into .cache: crane, oras and
 * dashboard-schema, or those that are named, registry, cosign and wkg among them.
 */

const named = process.argv.slice(2);
const wanted = new Set(named.length > 0 ? named : ["crane", "oras", "dashboard-schema"]);
for (const name of Object.keys(GO_TOOLS) as (keyof typeof GO_TOOLS)[]) {
  if (!wanted.has(name) || goTool(name).path !== undefined) continue;
  const { module, version } = GO_TOOLS[name];
  const folder = goToolFolder(name);
  mkdirSync(folder, { recursive: true });
  build(name, "go", ["install", `${module}@${version}`], { GOBIN: folder }, "https://go.dev/dl/");
}
if (wanted.has("dashboard-schema")) {
  const { source, program } = DASHBOARD_SCHEMA;
  // Always: Go itself sees what changed.
  build("dashboard-schema", "go", ["build", "-C", source, "-o", program, "."], {}, "https://go.dev/dl/");
}
if (wanted.has("wkg") && wkg().path === undefined) {
  const args = ["install", "wkg", "--locked", "--version", WKG_VERSION, "--root", wkgFolder()];
  build("wkg", "cargo", args, {}, "https://rustup.rs");
}

function build(name: string, command: string, args: string[], env: Record<string, string>, origin: string): void {
  const { status, error } = spawnSync(command, args, { stdio: "inherit", env: { ...process.env, ...env } });
  if (status === 0) return;
  process.stderr.write(
    `${name} could not be built: ${error?.message ?? `${command} ended with ${status}`} (${origin})\n`,
  );
  process.exitCode = 1;
}
