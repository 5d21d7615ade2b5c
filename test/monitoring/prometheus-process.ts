import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { stringify } from "yaml";
import { PrometheusClient } from "../../dashboards/draw/prometheus-client.ts";
import { waitFor } from "../cluster/processes.ts";
import { makeTemporaryFolder, repositoryFile } from "../harness.ts";
import { RULES_FILE } from "../../alerts/outputs.ts";

/** What Prometheus reads, with the labels that the Prometheus Operator gives it. */
export interface ScrapeTarget {
  job: string;
  /** `host:port`. */
  address: string;
  labels: Readonly<Record<string, string>>;
}

/** A real Prometheus with our rules, which reads every second. To dispose of it ends it. */
export interface PrometheusProcess extends AsyncDisposable {
  readonly client: PrometheusClient;
}

/** Starts one; resolves once it has read every target. */
export async function startPrometheus(targets: readonly ScrapeTarget[]): Promise<PrometheusProcess> {
  const folder = makeTemporaryFolder();
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [repositoryFile(RULES_FILE)],
    scrape_configs: [...new Set(targets.map(({ job }) => job))].map((job) => ({
      job_name: job,
      honor_labels: true,
      static_configs: targets
        .filter((target) => target.job === job)
        .map(({ address, labels }) => ({ targets: [address], labels })),
    })),
  };
  const file = join(folder.path, "prometheus.yaml");
  writeFileSync(file, stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const storage = `--storage.tsdb.path=${join(folder.path, "data")}`;
  const child = spawn("prometheus", [`--config.file=${file}`, storage, `--web.listen-address=${address}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const exited = once(child, "exit");
  const client = new PrometheusClient(`http://${address}`);
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
    folder.remove();
  };
  try {
    await waitFor("Prometheus to have read every target", async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended: ${said}`);
      const up = await client.query("sum(up)").catch(() => []);
      return up[0]?.value === targets.length;
    });
  } catch (thrown) {
    await end();
    throw thrown;
  }
  return { client, [Symbol.asyncDispose]: end };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
