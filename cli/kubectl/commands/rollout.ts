import { InvalidArgumentError, Option, type Command } from "commander";
import { APP_LABEL } from "../../../crds/wasm-replica/types.ts";
import { isKubeError } from "../../../kube/kube-error.ts";
import { CONTROLLER_REVISIONS } from "../../../kube/resources.ts";
import { WASM_APPS, type WasmAppObject } from "../../../operator/objects.ts";
import { outputOption, readDuration } from "../../options.ts";
import { formatJson, printable, writeErr, writeOut } from "../../output.ts";
import { formatTable } from "../../table.ts";
import { formatAge } from "../age.ts";
import { getApp, listReplicas } from "../apps.ts";
import { progressOf } from "../rollout/progress.ts";
import { chooseRevision, revisionsOf, type AppRevision } from "../rollout/revisions.ts";
import { describeChanges, mergePatchOf, newlyPinned, specFrom } from "../rollout/undo.ts";
import { waitForRollout } from "../rollout/wait.ts";
import { withSession, type ClusterFlags, type Session } from "../session.ts";

interface StatusFlags extends ClusterFlags {
  timeout?: number;
  watch: boolean;
}

interface HistoryFlags extends ClusterFlags {
  revision?: number;
  output: "table" | "json" | "yaml";
}

interface UndoFlags extends ClusterFlags {
  toRevision?: number;
  dryRun: "none" | "client" | "server";
}

/** How often an undo is tried where the app is written by others at the same time; its status is, often. */
const MAX_TRIES = 5;

/** `kubectl wasmlet rollout status|history|undo APP`. */
export function defineRollout(command: Command): void {
  const status = command.command("status").description("Wait until the revision that was asked for runs");
  status
    .argument("<app>", "the app")
    .option("--timeout <duration>", "how long to wait, such as 5m; 0s waits as long as it gets on", readDuration)
    .addOption(new Option("-w, --watch <bool>", "whether to wait").default(true, "true").argParser(readBoolean))
    .addHelpText("after", STATUS_HELP)
    .action((app: string) => {
      const flags = status.optsWithGlobals<StatusFlags>();
      return withSession(flags, (session) => showStatus(app, flags, session));
    });
  const history = command.command("history").description("Show the revisions that an app had");
  history
    .argument("<app>", "the app")
    .option("--revision <number>", "show what this one runs, in YAML", readNumber)
    .addOption(outputOption("table", "json", "yaml"))
    .addHelpText("after", HISTORY_HELP)
    .action((app: string) => {
      const flags = history.optsWithGlobals<HistoryFlags>();
      return withSession(flags, (session) => showHistory(app, flags, session));
    });
  const undo = command.command("undo").description("Go back to an earlier revision");
  undo
    .argument("<app>", "the app")
    .option("--to-revision <number>", "revision to go back to; default the last one that was different", readNumber)
    .addOption(
      new Option("--dry-run <mode>", "show what would change, by what is known here or by asking the API server")
        .choices(["none", "client", "server"])
        .default("none"),
    )
    .addHelpText("after", UNDO_HELP)
    .action((app: string) => {
      const flags = undo.optsWithGlobals<UndoFlags>();
      return withSession(flags, (session) => undoRollout(app, flags, session));
    });
  command.helpCommand(false).configureOutput({ writeErr: writeOut }).addHelpText("after", HELP);
}

const HELP = `
Examples:
  kubectl wasmlet rollout status hello --timeout 5m
  kubectl wasmlet rollout history hello
  kubectl wasmlet rollout undo hello --dry-run=server
`;

const STATUS_HELP = `
Exits with 0 when every node runs the revision, and with 1 when the rollout does not get on or the time is over. What
served before serves on in that case.

Examples:
  kubectl wasmlet rollout status hello
  kubectl wasmlet rollout status hello --timeout 5m || kubectl wasmlet rollout undo hello
`;

const HISTORY_HELP = `
REPLACED is how long ago another revision took its place. The last ten are kept.

Examples:
  kubectl wasmlet rollout history hello
  kubectl wasmlet rollout history hello --revision 3
`;

const UNDO_HELP = `
The spec of the app becomes what it was: source, trigger, env, envFrom, files, limits, isolation, network and
scale.idleSeconds; where it runs and on how many nodes stays. The image is the very one that ran, by its digest.

Examples:
  kubectl wasmlet rollout undo hello
  kubectl wasmlet rollout undo hello --to-revision 3 --dry-run=client
`;

async function showStatus(name: string, { timeout, watch }: StatusFlags, session: Session): Promise<void> {
  const { client, namespace } = session;
  const app = await getApp(client, { namespace, name });
  const say = (message: string): void => writeOut(`${printable(`${name}: ${message}`)}\n`);
  if (!watch) return say(progressOf(app).message);
  const timeoutMs = timeout === 0 ? undefined : timeout;
  say(await waitForRollout({ client, app: { namespace, name }, say, timeoutMs }));
}

async function showHistory(name: string, { revision, output }: HistoryFlags, session: Session): Promise<void> {
  const { app, revisions } = await readRevisions(name, session);
  if (revision !== undefined || output !== "table") {
    const value = revision === undefined ? revisions : chooseRevision(app, revisions, revision).template;
    return writeOut(output === "json" ? formatJson(value) : (await import("yaml")).stringify(value));
  }
  writeOut(formatHistory(revisions, Date.now()));
}

/** Returns revisions as a table, the newest at the end, as `kubectl rollout history` has them. */
export function formatHistory(revisions: readonly AppRevision[], nowMs: number): string {
  const rows = revisions.map(({ number, template, nodes, isCurrent, replacedAt }) => {
    const { oci, http, configMap } = template.source;
    const image = oci?.image ?? http?.url ?? `configmap/${configMap?.name ?? ""}`;
    const state = isCurrent ? "current" : "";
    return [String(number), state, String(nodes), replacedAt === undefined ? "" : formatAge(replacedAt, nowMs), image];
  });
  return formatTable(["REVISION", "STATE", "NODES", "REPLACED", "IMAGE"], rows);
}

async function undoRollout(name: string, { toRevision, dryRun }: UndoFlags, session: Session): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await undoOnce(name, toRevision === 0 ? undefined : toRevision, dryRun, session);
    } catch (thrown) {
      if (tries === MAX_TRIES || !isKubeError(thrown, "KUBE_CONFLICT")) throw thrown;
    }
  }
}

async function undoOnce(
  name: string,
  toRevision: number | undefined,
  dryRun: UndoFlags["dryRun"],
  session: Session,
): Promise<void> {
  const { client, namespace } = session;
  const { app, revisions } = await readRevisions(name, session);
  const { number, template } = chooseRevision(app, revisions, toRevision);
  const spec = specFrom(app, template);
  const change = mergePatchOf(app.spec, spec);
  if (change === undefined) return writeOut(`${name} is what revision ${number} is already: nothing to change\n`);
  const { resourceVersion } = app.metadata;
  const result =
    dryRun === "client"
      ? spec
      : (
          await client.mergePatch(
            WASM_APPS,
            { namespace, name },
            { spec: change },
            { resourceVersion, dryRun: dryRun === "server" },
          )
        ).spec;
  const mode = dryRun === "none" ? "" : ` (${dryRun} dry run)`;
  if (dryRun !== "none") for (const line of describeChanges(app.spec, result, "spec")) writeOut(`${printable(line)}\n`);
  writeOut(`${name} goes back to revision ${number}${mode}\n`);
  const pinned = newlyPinned(app.spec, result);
  if (pinned !== undefined) {
    writeErr(
      `note: the image is pinned to ${printable(pinned)}: a tag is no longer followed, until one is written again\n`,
    );
  }
  if (dryRun === "none") writeOut(`watch it with: kubectl wasmlet rollout status ${name} -n ${namespace}\n`);
}

async function readRevisions(
  name: string,
  { client, namespace }: Session,
): Promise<{ app: WasmAppObject; revisions: AppRevision[] }> {
  const [app, records, replicas] = await Promise.all([
    getApp(client, { namespace, name }),
    client.list(CONTROLLER_REVISIONS, { namespace, labelSelector: `${APP_LABEL}=${name}` }),
    listReplicas(client, { namespace, name }),
  ]);
  return { app, revisions: revisionsOf(app, records.items, replicas) };
}

function readNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected the number of a revision.");
}

function readBoolean(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new InvalidArgumentError("Expected true or false.");
}
