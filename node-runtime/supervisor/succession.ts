import { WasmletError } from "../../common/errors.ts";
import type { AppState, AppView } from "../runtime-api.ts";

const UNDER_WAY: ReadonlySet<AppState> = new Set(["Pending", "Preparing", "Starting"]);

/** Whether an app is on its way to what it will be. */
export function isUnderWay(state: AppState): boolean {
  return UNDER_WAY.has(state);
}

/** What a successor looks at. */
interface Successor {
  app(id: string): AppView | undefined;
  problems(): WasmletError[];
  onChange(listener: () => void): () => void;
}

/**
 * Resolves once all of the apps serve that the runtime before serves. Throws RUNTIME_HAND_OVER when one of them will not, or not
 * yet. One that is gone is wanted no more, unless there are manifests that cannot be read: one of them may be its own.
 */
export async function untilServing(ids: readonly string[], successor: Successor): Promise<void> {
  const [problem] = successor.problems();
  const gone = ids.find((id) => successor.app(id) === undefined);
  if (problem !== undefined && gone !== undefined) throw cannotRead(gone, problem);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    const views = ids.flatMap((id) => successor.app(id) ?? []);
    const failed = views.find(({ state }) => state === "BackOff" || state === "Failed");
    if (failed !== undefined) reject(cannotServe(failed));
    else if (views.every(({ state }) => !isUnderWay(state))) resolve();
  };
  const forget = successor.onChange(look);
  look();
  await promise.finally(forget);
}

function cannotServe({ namespace, name, reason, message = "" }: AppView): WasmletError {
  return new WasmletError("RUNTIME_HAND_OVER", `${namespace}/${name} would not serve any more: ${reason}: ${message}`);
}

function cannotRead(id: string, cause: WasmletError): WasmletError {
  const message = `${id} may have a manifest that cannot be read: ${cause.code}: ${cause.message}`;
  return new WasmletError("RUNTIME_HAND_OVER", message, { cause });
}
