import { resolve } from "node:path";
import { Option, type Command } from "commander";
import type { CommandEntry } from "../commands.ts";
import type { ProgramDefinition } from "../program.ts";

/** Every command of the plugin, in the order that help shows. */
export const PLUGIN_COMMANDS: readonly CommandEntry[] = [
  {
    name: "get",
    summary: "List apps, or the replicas of one on each node",
    load: async () => (await import("./commands/get.ts")).defineGet,
  },
  {
    name: "logs",
    summary: "Print what an app wrote, on all its nodes",
    load: async () => (await import("./commands/logs.ts")).defineLogs,
  },
  {
    name: "restart",
    summary: "Start apps anew, one node after another",
    load: async () => (await import("./commands/restart.ts")).defineRestart,
  },
  {
    name: "rollout",
    summary: "Wait for a rollout, show revisions, or go back to one",
    load: async () => (await import("./commands/rollout.ts")).defineRollout,
  },
  {
    name: "top",
    summary: "Show requests, CPU and memory of apps",
    load: async () => (await import("./commands/top.ts")).defineTop,
  },
];

/** `kubectl wasmlet`. */
export const KUBECTL_PLUGIN: ProgramDefinition = {
  name: "kubectl wasmlet",
  commands: PLUGIN_COMMANDS,
  configure: (program) => addClusterOptions(program).addHelpText("after", HELP),
};

const HELP = `
The kubeconfig is the one that kubectl uses: --kubeconfig, $KUBECONFIG, ~/.kube/config, or the ServiceAccount of a pod.

Examples:
  kubectl wasmlet get                      Every app of the namespace, with the nodes it runs on
  kubectl wasmlet logs hello -f            What it prints, on all nodes, from now on too
  kubectl wasmlet rollout undo hello       Back to the revision before
`;

/** Adds what says which cluster and namespace are meant; it may stand before and behind the command. */
function addClusterOptions(program: Command): Command {
  return program
    .usage("COMMAND [options]")
    .description("Works with the WasmApps of a cluster.")
    .configureHelp({ showGlobalOptions: true })
    .helpCommand(false)
    .option("-n, --namespace <name>", "namespace of the apps; default that of the kubeconfig's context")
    .option("--kubeconfig <file>", "kubeconfig file to use", (file) => resolve(file))
    .option("--context <name>", "context of the kubeconfig to use")
    .addOption(
      new Option("--system-namespace <name>", "Wasmlet's own namespace; default the one where its pods are found"),
    );
}
