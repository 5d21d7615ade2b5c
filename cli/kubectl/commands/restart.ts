import type { Command } from "commander";
import { toTime } from "../../../operator/apps/conditions.ts";
import { RESTARTED_AT } from "../../../operator/apps/template.ts";
import { WASM_APPS } from "../../../operator/objects.ts";
import { writeOut } from "../../output.ts";
import { getApp } from "../apps.ts";
import { withSession, type ClusterFlags, type Session } from "../session.ts";

/** `kubectl wasmlet restart APP…`: a rollout of the same revision, as `kubectl rollout restart` is. */
export function defineRestart(command: Command): void {
  command
    .argument("<app...>", "apps to start anew")
    .addHelpText("after", HELP)
    .action((names: string[]) =>
      withSession(command.optsWithGlobals<ClusterFlags>(), (session) => restart(names, session)),
    );
}

const HELP = `
Nothing is waited for. A restart is a rollout: one node after another, each serving on until the new start is ready.

Examples:
  kubectl wasmlet restart hello
  kubectl wasmlet restart hello shop -n web && kubectl wasmlet rollout status hello -n web
`;

async function restart(names: readonly string[], { client, namespace }: Session): Promise<void> {
  // All of them or none: a mistyped name leaves the others as they are.
  await Promise.all(names.map((name) => getApp(client, { namespace, name })));
  const restartedAt = toTime(Date.now());
  for (const name of names) {
    await client.mergePatch(
      WASM_APPS,
      { namespace, name },
      { metadata: { annotations: { [RESTARTED_AT]: restartedAt } } },
    );
    writeOut(`${name} restarts; watch it with: kubectl wasmlet rollout status ${name} -n ${namespace}\n`);
  }
}
