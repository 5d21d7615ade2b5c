import { Option, type Command } from "commander";
import { keyOf, type KubeObject } from "../../../kube/objects.ts";
import { WASM_APPS, WASM_REPLICAS, type WasmAppObject } from "../../../operator/objects.ts";
import { outputOption } from "../../options.ts";
import { formatJson, writeErr, writeOut } from "../../output.ts";
import { formatApps, formatReplicas } from "../app-table.ts";
import { getApp, listReplicas } from "../apps.ts";
import { withSession, type ClusterFlags, type Session } from "../session.ts";
import { allNamespacesOption, needOneNamespace } from "./common-options.ts";

interface GetFlags extends ClusterFlags {
  allNamespaces?: boolean;
  selector?: string;
  output: "table" | "wide" | "name" | "json" | "yaml";
}

/** `kubectl wasmlet get [APP…]`: apps, or the replicas of those that are named. */
export function defineGet(command: Command): void {
  command
    .argument("[app...]", "only these, and with them a line per node")
    .addOption(allNamespacesOption())
    .addOption(new Option("-l, --selector <labels>", "only apps with these labels"))
    .addOption(outputOption("table", "wide", "name", "json", "yaml"))
    .addHelpText("after", HELP)
    .action((names: string[]) => {
      const flags = command.optsWithGlobals<GetFlags>();
      needOneNamespace(names, flags.allNamespaces);
      return withSession(flags, (session) => getApps(names, flags, session));
    });
}

const HELP = `
REPLICAS counts the nodes on which an app is ready, of those that should run it. START-P50 is the median of its cold starts;
START names the phases of the last one. REVISION a→b is a node on which a serves while b is on its way.

Examples:
  kubectl wasmlet get
  kubectl wasmlet get hello
  kubectl wasmlet get -A -o wide
  kubectl wasmlet get -l team=shop -o name
`;

async function getApps(names: readonly string[], flags: GetFlags, session: Session): Promise<void> {
  const { client } = session;
  const { selector: labelSelector, output } = flags;
  const namespace = flags.allNamespaces === true ? undefined : session.namespace;
  const apps =
    names.length > 0
      ? await Promise.all(names.map((name) => getApp(client, { namespace: session.namespace, name })))
      : (await client.list(WASM_APPS, { namespace, labelSelector })).items.toSorted(byKey);
  if (output === "name") return writeOut(apps.map(({ metadata }) => `wasmapp.wasmlet.dev/${metadata.name}\n`).join(""));
  if (output === "json" || output === "yaml") return writeOut(await serialize(apps, names.length === 1, output));
  if (apps.length === 0) {
    return writeErr(namespace === undefined ? "No apps.\n" : `No apps in the namespace ${namespace}.\n`);
  }
  const isWide = output === "wide";
  const nowMs = Date.now();
  const replicas =
    names.length > 0
      ? (await Promise.all(apps.map((app) => listReplicas(client, refOf(app))))).flat()
      : (await client.list(WASM_REPLICAS, { namespace })).items;
  writeOut(formatApps(apps, replicas, { isWide, hasNamespace: namespace === undefined, nowMs }));
  if (names.length > 0 && replicas.length > 0) {
    writeOut(`\n${formatReplicas(replicas, { hasApp: names.length > 1, isWide, nowMs })}`);
  }
}

/** As kubectl does: one that is named is an object, everything else a list. */
async function serialize(apps: readonly WasmAppObject[], isOne: boolean, output: "json" | "yaml"): Promise<string> {
  const value = isOne ? apps[0] : { apiVersion: "v1", kind: "List", metadata: {}, items: apps };
  return output === "json" ? formatJson(value) : (await import("yaml")).stringify(value);
}

function refOf({ metadata }: KubeObject): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}

function byKey(a: KubeObject, b: KubeObject): number {
  return keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1;
}
