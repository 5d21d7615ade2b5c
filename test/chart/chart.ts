import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { binaryPath, missingBinaries } from "../cluster/binaries.ts";
import { repositoryFile } from "../harness.ts";

/* What the tests of the chart share: both versions of Helm, and the chart as objects. */

const run = promisify(execFile);

/** The chart's folder. */
export const CHART = repositoryFile("charts/wasmlet");

/** Where the tests install it. */
export const NAMESPACE = "wasmlet-system";

/** The major versions of Helm that install the chart. */
export const HELM_MAJORS = [3, 4] as const;
export type HelmMajor = (typeof HELM_MAJORS)[number];

/** The oldest Kubernetes that the chart says it runs on. */
const OLDEST_KUBERNETES = "1.32.0";

/** A rendered object, as far as the tests look at it. */
export interface ChartObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
}

/** Why Helm cannot be run here, or undefined. */
export function helmLack(): string | undefined {
  const missing = missingBinaries(HELM_MAJORS.map(programOf));
  return missing.length === 0 ? undefined : `not built: ${missing.join(", ")} (npm run cluster -- build)`;
}

/** Runs Helm without a cluster; throws with what it printed. */
export async function helm(major: HelmMajor, ...args: string[]): Promise<string> {
  const { stdout } = await run(binaryPath(programOf(major)), args, { maxBuffer: 2 ** 26 });
  return stdout;
}

/** Returns the objects that the chart renders to with these values, `--set` each. */
export async function render(
  major: HelmMajor,
  values: readonly string[] = [],
  ...args: string[]
): Promise<ChartObject[]> {
  const sets = values.flatMap((value) => ["--set-json", value]);
  const base = ["template", "wasmlet", CHART, "--namespace", NAMESPACE, "--kube-version", OLDEST_KUBERNETES];
  const text = await helm(major, ...base, ...sets, ...args);
  return parseAllDocuments(text)
    .map((document) => document.toJS() as ChartObject | null)
    .filter((object) => object !== null);
}

/** Returns the one object of a kind and a name. */
export function find(objects: readonly ChartObject[], kind: string, name: string): ChartObject {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  throw new Error(`expected one ${kind} ${name}, got ${found.length}`);
}

function programOf(major: HelmMajor): string {
  return major === 3 ? "helm3" : "helm";
}
