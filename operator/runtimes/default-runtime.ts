import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { messageOf } from "../../common/errors.ts";
import type { Timing } from "../../common/timing.ts";
import type { KubeClient } from "../../kube/client.ts";
import { WASM_RUNTIMES, type WasmRuntime } from "../objects.ts";
import type { OperatorLog } from "../operator-api.ts";

const RETRY_MS = 5000;
/** A file from a ConfigMap changes some time after the ConfigMap. */
const REREAD_MS = 60_000;

/** Applies the WasmRuntime of a file, and again whenever the file says something else. Ends with its signal. */
export function keepDefaultRuntime(
  file: string,
  {
    client,
    log,
    timing,
    signal,
  }: { client: Pick<KubeClient, "apply">; log: OperatorLog; timing: Timing; signal: AbortSignal },
): void {
  const run = async (): Promise<void> => {
    let applied = "";
    while (!signal.aborted) {
      let waitMs = REREAD_MS;
      try {
        const text = await readFile(file, "utf8");
        if (text !== applied) {
          const runtime = parse(text) as WasmRuntime;
          await client.apply(WASM_RUNTIMES, runtime, { signal, fieldManager: "wasmlet-chart" });
          applied = text;
          log.info("the default WasmRuntime is as its file says", { runtime: runtime.metadata.name });
        }
      } catch (thrown) {
        if (signal.aborted) return;
        log.warn("the default WasmRuntime could not be applied", { file, error: messageOf(thrown) });
        waitMs = RETRY_MS;
      }
      await timing.delay(waitMs, signal).catch(() => {});
    }
  };
  void run();
}
