import { type FormatOptions, format } from "oxfmt";
import { readFile } from "node:fs/promises";
import type { Output } from "../crds/generate/outputs.ts";
import { APP } from "./app.ts";
import type { Dashboard } from "./grafana.ts";
import { OPERATOR_AND_NODES } from "./operator-and-nodes.ts";
import { OVERVIEW } from "./overview.ts";
import { STARTUP_COMPARISON } from "./startup-comparison.ts";

/** Where the chart has them. */
const DASHBOARDS_FOLDER = "charts/wasmlet/dashboards";

/** Every dashboard, as people read them. */
export const DASHBOARDS: readonly Dashboard[] = [OVERVIEW, APP, OPERATOR_AND_NODES, STARTUP_COMPARISON];

/** Returns the dashboards as files of the chart. */
export async function buildDashboardOutputs(root: URL): Promise<Output[]> {
  const options = JSON.parse(await readFile(new URL(".oxfmtrc.json", root), "utf8")) as FormatOptions;
  return Promise.all(
    DASHBOARDS.map(async (dashboard) => {
      const path = `${DASHBOARDS_FOLDER}/${dashboard.uid}.json`;
      return { path, text: (await format(path, JSON.stringify(dashboard), options)).code };
    }),
  );
}
