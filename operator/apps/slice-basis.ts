import { isOlder } from "../../kube/objects.ts";
import type { EndpointSlice } from "../../kube/resources.ts";
import type { ObservedApp } from "./observed.ts";

/*
 * What a slice was made from is written on it. An operator whose watch of replicas is behind, such as one that has just
 * taken the lead, sees endpoints of replicas that it does not know to serve: without this it would take them away.
 */

const REPLICAS_VERSION = "wasmlet.dev/replicas-version";
/** Kubernetes' own annotation: kube-proxy measures from there how long its rules take. */
const CHANGED_AT = "endpoints.kubernetes.io/last-change-trigger-time";
/** A version from the future is believed for so long, which is longer than a broken watch waits. */
const MAX_BELIEVED_MS = 60_000;

type Basis = Pick<ObservedApp, "replicas" | "replicasVersion" | "nowMs">;

/** Returns the annotations of a slice that is made now. */
export function basisOf({ replicas, nowMs }: Basis): Record<string, string> {
  const version = newestOf(replicas.map(({ metadata }) => metadata.resourceVersion));
  return {
    ...(version !== undefined && { [REPLICAS_VERSION]: version }),
    [CHANGED_AT]: new Date(nowMs).toISOString(),
  };
}

/** Returns for how long the slices are to be left alone, because they were made from newer replicas than are known here. */
export function waitForReplicasMs(
  slices: readonly EndpointSlice[],
  { replicas, replicasVersion, nowMs }: Basis,
): number {
  const known = newestOf([replicasVersion, ...replicas.map(({ metadata }) => metadata.resourceVersion)]);
  const waits = slices.map(({ metadata: { annotations = {} } }) => {
    const isNewer = isOlder(known, annotations[REPLICAS_VERSION]);
    const ageMs = nowMs - Date.parse(annotations[CHANGED_AT] ?? "");
    return isNewer && Math.abs(ageMs) < MAX_BELIEVED_MS ? MAX_BELIEVED_MS - ageMs : 0;
  });
  return Math.max(0, ...waits);
}

function newestOf(versions: readonly (string | undefined)[]): string | undefined {
  return versions.reduce(
    (newest, version) => (newest === undefined || isOlder(newest, version) ? version : newest),
    undefined,
  );
}
