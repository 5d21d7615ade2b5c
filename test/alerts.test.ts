import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { APP_CASES } from "../alerts/cases/app-cases.ts";
import type { AlertCase, Firing } from "../alerts/cases/case.ts";
import { NODE_CASES } from "../alerts/cases/node-cases.ts";
import { OPERATOR_CASES } from "../alerts/cases/operator-cases.ts";
import { RECORDING_CASES } from "../alerts/cases/recording-cases.ts";
import { ALERTS, RECORDINGS, RULES_FILE, runbookOf } from "../alerts/outputs.ts";
import type { Alert } from "../alerts/rule.ts";
import { repositoryFile } from "./harness.ts";
import { needTools } from "./oci/tools.ts";
import { prometheusTool, promtool, testRules } from "./promtool.ts";

/* Every rule by itself, evaluated by Prometheus' own code over series that are invented. */

const CASES: Readonly<Record<string, readonly AlertCase[]>> = { ...APP_CASES, ...NODE_CASES, ...OPERATOR_CASES };
const RUNBOOKS = "docs/runbooks";

const hasPromtool = needTools(prometheusTool("promtool"));

test("alerts: each has cases in which it fires and in which it does not, and no other is tested", () => {
  expect(Object.keys(CASES).sort()).toEqual(ALERTS.map(({ name }) => name).sort());
  for (const [name, cases] of Object.entries(CASES)) {
    expect(new Set(cases.map(({ firing }) => firing.length > 0)), name).toEqual(new Set([true, false]));
  }
});

test("recordings: each is tested, and no other", () => {
  expect(Object.keys(RECORDING_CASES).sort()).toEqual(RECORDINGS.map(({ record }) => record).sort());
});

test("runbooks: each alert has one, and no other is there", () => {
  const pages = readdirSync(repositoryFile(RUNBOOKS)).filter((page) => page !== "README.md");
  expect(pages.sort()).toEqual(ALERTS.map(({ name }) => `${name}.md`).sort());
});

test.each(ALERTS)("runbook of $name: says what it means, what to look at and what to do", ({ name, severity }) => {
  const page = readFileSync(repositoryFile(`${RUNBOOKS}/${name}.md`), "utf8");
  expect(page).toMatch(new RegExp(`^# ${name}\n`));
  expect(page).toContain(`Severity: ${severity}`);
  const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(["Meaning", "Look at", "Do"]);
  expect(page).toMatch(/```sh\n/);
  expect(readFileSync(repositoryFile(`${RUNBOOKS}/README.md`), "utf8")).toContain(`(${name}.md)`);
});

describe.skipIf(!hasPromtool)("rules", () => {
  test("are without fault", async () => {
    expect(await promtool("check", "rules", "--lint=all", "--lint-fatal", repositoryFile(RULES_FILE))).toContain(
      `${ALERTS.length + RECORDINGS.length} rules found`,
    );
  });

  describe.each(ALERTS)("$name", (alert) => {
    test.each(CASES[alert.name] ?? [])("$name", async ({ series, at, firing }) => {
      const expected = firing.map((one) => expectedAlert(alert, one));
      await testRules(RULES_FILE, {
        input_series: seriesOf(series),
        alert_rule_test: [{ eval_time: at, alertname: alert.name, exp_alerts: expected }],
      });
    });
  });

  test.each(Object.entries(RECORDING_CASES))(
    "%s: is what its samples say",
    async (record, { series, at, expected }) => {
      // In millionths, rounded: promtool compares to the last bit.
      const samples = Object.entries(expected).map(([labels, value]) => ({ labels, value: Math.round(value * 1e6) }));
      await testRules(RULES_FILE, {
        input_series: seriesOf(series),
        promql_expr_test: [{ expr: `round(${record} * 1e6)`, eval_time: at, exp_samples: samples }],
      });
    },
  );
});

function seriesOf(series: AlertCase["series"]): object[] {
  return Object.entries(series).map(([name, values]) => ({ series: name, values }));
}

/** What Prometheus makes of an alert's templates. */
function expectedAlert(alert: Alert, { labels = {}, value = "" }: Firing): object {
  const render = (text: string): string =>
    text
      .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? "")
      .replaceAll(/\{\{ \$value.*?\}\}/g, value);
  return {
    exp_labels: { severity: alert.severity, ...labels },
    exp_annotations: {
      summary: render(alert.summary),
      description: render(alert.description),
      runbook_url: runbookOf(alert.name),
    },
  };
}
