import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { OperatorMetrics } from "./metrics.ts";

test("docs/metrics.md: names the operator's metrics that there are, and no others", () => {
  const page = readFileSync(new URL("../docs/metrics.md", import.meta.url), "utf8");
  const [, ofOperator = ""] = page.split("## The operator's");
  const documented = [...ofOperator.matchAll(/^\| `([a-z_]+)`/gm)].map(([, name]) => name);
  const names = new OperatorMetrics().registry.getMetricsAsArray().map(({ name }) => name);
  expect(new Set(documented)).toEqual(new Set(names));
});
