import { SYSTEM_TIMING, type Timing } from "../../../common/timing.ts";
import { WasmletError } from "../../../common/errors.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { Informer } from "../../../kube/informer.ts";
import { isKubeError } from "../../../kube/kube-error.ts";
import { WASM_APPS, type WasmAppObject } from "../../../operator/objects.ts";
import { progressOf } from "./progress.ts";

/** How long a restart may go unseen before the status is believed: clocks of two machines differ. */
const RESTART_GRACE_MS = 10_000;

/** How to wait for a rollout. */
export interface WaitOptions {
  client: Pick<KubeClient, "list" | "watch">;
  app: { namespace: string; name: string };
  /** Told what it waits for, once for each thing. */
  say: (message: string) => void;
  /** Without one, it waits for as long as the rollout gets on. */
  timeoutMs?: number | undefined;
  timing?: Timing;
}

/** Resolves with what was reached; throws ROLLOUT_FAILED, ROLLOUT_TIMEOUT, and KUBE_FORBIDDEN where nobody may watch. */
export async function waitForRollout(options: WaitOptions): Promise<string> {
  const { client, app, say, timeoutMs, timing = SYSTEM_TIMING } = options;
  const end = Promise.withResolvers<string>();
  const done = new AbortController();
  const failure = (message: string): WasmletError => new WasmletError("ROLLOUT_FAILED", `${app.name}: ${message}`);
  const informer = new Informer({
    client,
    resource: WASM_APPS,
    namespace: app.namespace,
    fieldSelector: `metadata.name=${app.name}`,
    timing,
    // Everything else may pass.
    onError: (thrown) => isKubeError(thrown, "KUBE_FORBIDDEN", "KUBE_NOT_FOUND") && end.reject(thrown),
  });
  let said = "";
  let trustsStatus = false;
  const look = (found: WasmAppObject | undefined): void => {
    if (found === undefined) return end.reject(failure("the app was deleted"));
    const { state, message } = progressOf(found, { trustsStatus });
    if (state === "done") return end.resolve(message);
    if (state === "failed") return end.reject(failure(message));
    said = said === message ? said : (say(message), message);
  };
  informer.store.onChange((_before, after) => look(after));
  const after = (milliseconds: number, run: () => void): void =>
    void timing.delay(milliseconds, done.signal).then(run, () => {});
  after(RESTART_GRACE_MS, () => {
    trustsStatus = true;
    const [found] = informer.store.values();
    if (found !== undefined) look(found);
  });
  if (timeoutMs !== undefined) {
    const message = `${app.name}: not rolled out after ${timeoutMs / 1000} s`;
    after(timeoutMs, () =>
      end.reject(new WasmletError("ROLLOUT_TIMEOUT", said === "" ? message : `${message}: ${said}`)),
    );
  }
  informer.start();
  void informer.whenSynced().then(() => informer.store.size === 0 && look(undefined));
  try {
    return await end.promise;
  } finally {
    done.abort();
    await informer.stop();
  }
}
