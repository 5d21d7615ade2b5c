import { Type, type Static } from "typebox";
import { Value } from "typebox/value";
import { messageOf, WasmletError } from "../common/errors.ts";
import { APP_STATES } from "../node-runtime/runtime-api.ts";

/** What is read of `/v1/apps`; a newer runtime may say more. */
const ListedApp = Type.Object({
  namespace: Type.String(),
  name: Type.String(),
  kind: Type.Union([Type.Literal("http"), Type.Literal("command")]),
  state: Type.Enum([...APP_STATES]),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  urls: Type.Array(Type.String()),
  engine: Type.Optional(Type.String()),
  engineReason: Type.Optional(Type.String()),
  digest: Type.Optional(Type.String()),
  startP50Seconds: Type.Optional(Type.Number()),
  restarts: Type.Integer(),
  exitCode: Type.Optional(Type.Integer()),
  instances: Type.Integer(),
});
const Problem = Type.Object({ code: Type.String(), message: Type.String(), where: Type.Optional(Type.String()) });
const AppList = Type.Object({ apps: Type.Array(ListedApp), problems: Type.Optional(Type.Array(Problem)) });

/** An app as a running node runtime lists it. */
export type ListedApp = Static<typeof ListedApp>;

/** The apps of a running node runtime, and what is wrong with its manifests. */
export type AppList = Static<typeof AppList>;

const TIMEOUT_MS = 5000;

/** Fetches the list of the node runtime at a management address; throws RUNTIME_UNREACHABLE. */
export async function fetchApps(address: string): Promise<AppList> {
  const url = new URL("/v1/apps", address);
  const unreachable = (actual: string, cause?: unknown): WasmletError =>
    new WasmletError("RUNTIME_UNREACHABLE", "no node runtime answers", { where: url.href, actual, cause });
  let list: unknown;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw unreachable(`HTTP status ${response.status}`);
    list = await response.json();
  } catch (thrown) {
    if (thrown instanceof WasmletError) throw thrown;
    // fetch says "fetch failed" and keeps why in the cause.
    throw unreachable(messageOf(thrown instanceof TypeError ? (thrown.cause ?? thrown) : thrown), thrown);
  }
  if (Value.Check(AppList, list)) return list;
  throw unreachable("something that is not a list of apps");
}
