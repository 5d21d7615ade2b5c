import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeTemporaryFolder, repositoryFile } from "./harness.ts";
import { DASHBOARD_SCHEMA, dashboardSchema, needTools } from "./oci/tools.ts";

/* The chart's dashboards by Grafana's own schema, as its Foundation SDK has it. */

const FOLDER = repositoryFile("charts/wasmlet/dashboards");

describe.skipIf(!needTools(dashboardSchema()))("schema of Grafana", () => {
  test.each(readdirSync(FOLDER))("%s: has nothing that Grafana does not know, and all that it needs", (file) => {
    expect(execFileSync(DASHBOARD_SCHEMA.program, [join(FOLDER, file)], { encoding: "utf8" })).toBe("");
  });

  test("a field that there is not, and a value that is not allowed, are found", () => {
    const folder = makeTemporaryFolder();
    try {
      const text = readFileSync(join(FOLDER, "wasmlet-overview.json"), "utf8");
      const file = join(folder.path, "broken.json");
      writeFileSync(
        file,
        text.replace('"lineWidth"', '"lineWidht"').replace('"colorMode": "value"', '"colorMode": "vaule"'),
      );
      const { status, stdout } = spawnSync(DASHBOARD_SCHEMA.program, [file], { encoding: "utf8" });
      expect(status).toBe(1);
      expect(stdout).toContain("lineWidht");
    } finally {
      folder.remove();
    }
  });
});
