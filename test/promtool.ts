import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { makeTemporaryFolder, repositoryFile } from "./harness.ts";
import { findOnPath, type TestTool } from "./oci/tools.ts";

const run = promisify(execFile);

/** Debian's Prometheus. */
export function prometheusTool(name: "prometheus" | "promtool"): TestTool {
  return { name, howToGet: "apt-get install prometheus", path: findOnPath(name), isRequired: true };
}

/** Runs promtool; returns what it printed, and throws with that when it finds fault. */
export async function promtool(...args: string[]): Promise<string> {
  try {
    return (await run("promtool", args)).stdout;
  } catch (thrown) {
    const { stdout, stderr } = thrown as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(" ")}:\n${stdout}${stderr}`, { cause: thrown });
  }
}

/** Runs one of promtool's tests of rules (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/). */
export async function testRules(rulesFile: string, test: object): Promise<void> {
  const folder = makeTemporaryFolder();
  try {
    const file = join(folder.path, "test.yaml");
    const ruleFiles = [repositoryFile(rulesFile)];
    writeFileSync(
      file,
      stringify({ rule_files: ruleFiles, evaluation_interval: "1m", tests: [{ interval: "1m", ...test }] }),
    );
    await promtool("test", "rules", file);
  } finally {
    rmSync(folder.path, { recursive: true, force: true });
  }
}
