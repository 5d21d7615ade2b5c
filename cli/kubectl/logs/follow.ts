import { Backoff } from "../../../common/backoff.ts";
import type { Timing } from "../../../common/timing.ts";
import { APP_LABEL } from "../../../crds/wasm-replica/types.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { Informer } from "../../../kube/informer.ts";
import { isKubeError, KubeError } from "../../../kube/kube-error.ts";
import { WASM_REPLICAS, type WasmReplica } from "../../../operator/objects.ts";
import type { OrderedLine, PodLog } from "./pod-log.ts";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;

/** A pod that runs an app on a node. */
export interface Source {
  node: string;
  pod: string;
}

/** How logs are followed. */
export interface FollowOptions {
  client: Pick<KubeClient, "list" | "watch">;
  app: { namespace: string; name: string };
  /** Returns the pod that a replica runs in, if it is one that is to be read. */
  sourceOf: (replica: WasmReplica) => Source | undefined;
  /** Returns the log of a pod: the same each time, because it knows how far it was read. */
  logOf: (source: Source) => PodLog;
  print: (source: Source, line: OrderedLine) => void;
  /** Told what hinders reading, and is tried again. */
  note: (message: string) => void;
  sinceSeconds?: number | undefined;
  /** Logs that are read at once. */
  maxLogs: number;
  signal: AbortSignal;
  timing: Timing;
}

/**
 * Prints what an app writes from now on, on all its nodes, until it is told to stop. Replicas are watched: where a pod takes
 * another's place it is read as well, and a pod is let go of when its log has ended and no replica names it any more.
 */
export async function followLogs(options: FollowOptions): Promise<void> {
  const { client, app, sourceOf, maxLogs, note, signal, timing } = options;
  const failed = Promise.withResolvers<never>();
  const running = new Set<string>();
  const informer = new Informer({
    client,
    resource: WASM_REPLICAS,
    namespace: app.namespace,
    labelSelector: `${APP_LABEL}=${app.name}`,
    timing,
    onError: (thrown) => {
      if (isKubeError(thrown, "KUBE_FORBIDDEN")) failed.reject(thrown);
    },
  });
  const sources = (): Source[] =>
    [...informer.store.values()].map(sourceOf).filter((source): source is Source => source !== undefined);
  const isWanted = ({ pod }: Source): boolean => sources().some((source) => source.pod === pod);
  let isFullNoted = false;
  const follow = async (source: Source): Promise<void> => {
    try {
      await followPod(source, options, isWanted);
    } catch (thrown) {
      failed.reject(thrown);
      return;
    }
    running.delete(source.pod);
    if (!signal.aborted) reconcile();
  };
  const reconcile = (): void => {
    for (const source of sources()) {
      if (running.has(source.pod)) continue;
      if (running.size >= maxLogs) {
        if (!isFullNoted) note(`more than ${maxLogs} logs are not followed at once; see --max-log-requests`);
        isFullNoted = true;
        return;
      }
      running.add(source.pod);
      void follow(source);
    }
  };
  informer.store.onChange(reconcile);
  informer.start();
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  try {
    await Promise.race([stopped, failed.promise]);
  } finally {
    await informer.stop();
  }
}

/** Reads a pod's log for as long as a replica runs in it, however often the connection breaks. */
async function followPod(
  source: Source,
  { logOf, print, note, sinceSeconds, signal, timing }: FollowOptions,
  isWanted: (source: Source) => boolean,
): Promise<void> {
  const backoff = new Backoff(FIRST_DELAY_MS, MAX_DELAY_MS);
  const log = logOf(source);
  let noted = "";
  while (!signal.aborted) {
    try {
      for await (const line of log.read({
        follow: true,
        signal,
        ...(sinceSeconds !== undefined && { sinceSeconds }),
      })) {
        backoff.reset();
        noted = "";
        print(source, line);
      }
    } catch (thrown) {
      if (signal.aborted) return;
      if (!(thrown instanceof KubeError) || thrown.code === "KUBE_FORBIDDEN") throw thrown;
      const { code, message } = thrown;
      if (code !== "KUBE_NOT_FOUND" && noted !== message) note(`${source.node}: ${message}; it is tried again`);
      noted = message;
    }
    if (!isWanted(source)) return;
    await timing.delay(backoff.next(), signal).catch(() => {});
  }
}
