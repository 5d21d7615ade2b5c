import type { DataPanel, Target } from "../grafana.ts";
import { substitute, type Substitutions } from "../substitute.ts";
import type { PrometheusClient, Sample, Series } from "./prometheus-client.ts";

/** What time a drawing shows: seconds since 1970. */
export interface TimeRange {
  from: number;
  to: number;
  step: number;
}

/** What Prometheus says to a panel's queries, in their order. */
export interface PanelData {
  panel: DataPanel;
  range: TimeRange;
  answers: { target: Target; series: Series[]; samples: Sample[] }[];
}

/** Asks a panel's queries. */
export async function askPanel(
  panel: DataPanel,
  client: PrometheusClient,
  range: TimeRange,
  values: Substitutions,
): Promise<PanelData> {
  const answers = panel.targets.map(async (target) => {
    const expr = substitute(target.expr, values);
    return target.instant
      ? { target, series: [], samples: await client.query(expr, range.to) }
      : { target, series: await client.queryRange(expr, range.from, range.to, range.step), samples: [] };
  });
  return { panel, range, answers: await Promise.all(answers) };
}

/** Returns what a series is called. */
export function nameOf({ legendFormat }: Target, labels: Sample["labels"]): string {
  return legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? "").trim();
}
