import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { drawDashboard } from "../../dashboards/draw/dashboard-drawing.ts";
import { DASHBOARDS } from "../../dashboards/outputs.ts";
import { WASM_APPS } from "../../operator/objects.ts";
import { repositoryFile } from "../harness.ts";
import { childrenOf } from "../served-runtime.ts";
import { NAMESPACE, startMonitoredCluster } from "./monitored-cluster.ts";

/* `npm run dashboards:draw` draws the pictures of docs/dashboards.md from what it measures: minutes of real traffic. */

const HELP = `Usage: npm run dashboards:draw [-- --minutes N]

Starts an API server, an operator, two node runtimes and a Prometheus, asks apps for some minutes, and draws every dashboard
from what Prometheus has by then, into docs/dashboards/.
`;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, help: { type: "boolean", short: "h" } },
});
if (values.help === true) process.stdout.write(HELP);
else await drawAll(Number(values.minutes));

async function drawAll(minutes: number): Promise<void> {
  const folder = repositoryFile("docs/dashboards");
  mkdirSync(folder, { recursive: true });
  const from = Date.now() / 1000;
  await using monitored = await startMonitoredCluster((minutes * 60_000) / 31);
  for (let minute = 0; minute < minutes; minute++) {
    process.stdout.write(`minute ${minute + 1} of ${minutes}\n`);
    await delay(30_000);
    await monitored.traffic.hitLimits();
    // An app changes, so the operator has something to do.
    const spec = { env: [{ name: "MINUTE", value: String(minute) }] };
    await monitored.client.mergePatch(WASM_APPS, { namespace: NAMESPACE, name: "hello" }, { spec });
    // A cell that dies, as an accident would have it.
    if (minute === Math.floor(minutes / 2)) process.kill(childrenOf(monitored.nodes[0]!.pid)[0]!, "SIGKILL");
    await delay(30_000);
  }
  const to = Date.now() / 1000;
  const range = { from, to, step: Math.max(1, Math.round((to - from) / 120)) };
  for (const dashboard of DASHBOARDS) {
    const isOfApp = dashboard.uid === "wasmlet-app";
    const svg = await drawDashboard(dashboard, monitored.prometheus.client, range, {
      node: ".*",
      benchmark: ".*",
      window: "1m",
      __rate_interval: "20s",
      namespace: isOfApp ? NAMESPACE : ".*",
      app: "cart",
    });
    writeFileSync(join(folder, `${dashboard.uid}.svg`), svg);
    process.stdout.write(`wrote docs/dashboards/${dashboard.uid}.svg: ${Math.round(svg.length / 1024)} KiB\n`);
  }
}
