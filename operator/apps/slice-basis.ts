import { isOlder } from "../../kube/objects.ts";
import type { EndpointSlice } from "../../kube/resources.ts";
import { allReplicas } from "./former-pools.ts";
import type { ObservedApp } from "./observed.ts";

/*
 * What a slice was made from is written on it. An operator whose watch of replicas or of pods is behind, such as one that has
 * just taken the lead, sees endpoints that it does not know to serve: without this it would take them away.
 */

const REPLICAS_VERSION = "wasmlet.dev/replicas-version";
const PODS_VERSION = "wasmlet.dev/pods-version";
/** Kubernetes' own annotation: kube-proxy measures from there how long its rules take. */
const CHANGED_AT = "endpoints.kubernetes.io/last-change-trigger-time";
/** A version from the future is believed for so long, which is longer than a broken watch waits. */
const MAX_BELIEVED_MS = 60_000;

type Basis = Pick<ObservedApp, "replicas" | "pods" | "formerPools" | "replicasVersion" | "podsVersion" | "nowMs">;

/** Returns the annotations of a slice that is made now. */
export function basisOf(observed: Basis): Record<string, string> {
  const replicasVersion = newestOf(replicaVersions(observed));
  const podsVersion = newestOf(podVersions(observed));
  return {
    ...(replicasVersion !== undefined && { [REPLICAS_VERSION]: replicasVersion }),
    ...(podsVersion !== undefined && { [PODS_VERSION]: podsVersion }),
    [CHANGED_AT]: new Date(observed.nowMs).toISOString(),
  };
}

/** Returns for how long the slices are to be left alone, because they were made from newer replicas or pods than are known here. */
export function waitForReplicasMs(slices: readonly EndpointSlice[], observed: Basis): number {
  const { replicasVersion, podsVersion, nowMs } = observed;
  const knownReplicas = newestOf([replicasVersion, ...replicaVersions(observed)]);
  const knownPods = newestOf([podsVersion, ...podVersions(observed)]);
  const waits = slices.map(({ metadata: { annotations = {} } }) => {
    const isNewer =
      isOlder(knownReplicas, annotations[REPLICAS_VERSION]) || isOlder(knownPods, annotations[PODS_VERSION]);
    const ageMs = nowMs - Date.parse(annotations[CHANGED_AT] ?? "");
    return isNewer && Math.abs(ageMs) < MAX_BELIEVED_MS ? MAX_BELIEVED_MS - ageMs : 0;
  });
  return Math.max(0, ...waits);
}

function replicaVersions(observed: Basis): (string | undefined)[] {
  return allReplicas(observed).map(({ metadata }) => metadata.resourceVersion);
}

function podVersions(observed: Basis): (string | undefined)[] {
  return [observed, ...observed.formerPools].flatMap(({ pods, replicas }) =>
    replicas.map(({ status }) => pods.get(status?.podName ?? "")?.version),
  );
}

function newestOf(versions: readonly (string | undefined)[]): string | undefined {
  return versions.reduce(
    (newest, version) => (newest === undefined || isOlder(newest, version) ? version : newest),
    undefined,
  );
}
