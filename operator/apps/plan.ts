import type { AppTemplate } from "../../crds/wasm-replica/types.ts";
import type { EndpointSlice } from "../../kube/resources.ts";
import type { WasmAppStatus, WasmReplica } from "../objects.ts";
import { blockedBy, type Blockage } from "./blockages.ts";
import { buildEndpointSlices, endpointsOf, recoveryMs } from "./endpoint-slices.ts";
import type { Write } from "../writer.ts";
import { writesFor } from "./writes.ts";
import type { ObservedApp } from "./observed.ts";
import { buildHttpRoute } from "./http-route.ts";
import { isOwn } from "./ownership.ts";
import { nextLossMs, placeApp, wantedReplicas, type Placement } from "./placement.ts";
import { planDeparture, planRecreation } from "./recreate.ts";
import { referencesOf } from "./references.ts";
import { allReplicas, changeReplicas, ofUse } from "./former-pools.ts";
import { releaseReports } from "./releases.ts";
import { needsPort } from "./replica-state.ts";
import { buildReplica, buildRole, buildRoleBinding, buildService, revisionName } from "./resources.ts";
import { planRollout, servedRevision, withPrevious, type RevisionOf, type Served } from "./rollout.ts";
import { basisOf, waitForReplicasMs } from "./slice-basis.ts";
import { buildStatus, deadlineInMs, transitionEvents } from "./status.ts";
import { buildTemplate, revisionOf, withImage } from "./template.ts";

/*
 * What is to be done for an app, given what is known of it. The order of the writes makes it safe to stop after any of
 * them: who may read what, replicas, then what leads to them, then the status; what is deleted goes last.
 */

/** When to look again at objects that are about to go, in case nobody tells. */
const LEFTOVERS_MS = 5000;
/** How old an app that still starts is at least when it gets its first status; times of creation are whole seconds. */
const FIRST_STATUS_MS = 2000;
/** Why a new app is not ready yet while nothing is wrong. */
const ON_ITS_WAY = new Set(["ResolvingImage", "Starting"]);

/** What people are told of an app, beside its conditions. */
export interface PlannedEvent {
  type: "Normal" | "Warning";
  reason: string;
  message: string;
}

/** A tag to be looked up before the plan can go on. */
export interface ResolveNeed {
  revision: string;
  image: string;
  pullSecrets: string[];
}

/** What to do now, in this order, and when to look again. */
export interface Plan {
  /** In steps: those of one may be sent at once. */
  writes: Write[][];
  events: PlannedEvent[];
  resolve?: ResolveNeed;
  requeueAfterMs?: number;
  /** Whether the app lacks what others may leave: room on nodes, or a port. */
  isShort?: boolean;
}

/** What was decided about an app: everything that its objects and its status are made of. */
export interface Decision {
  /** Revision that the spec asks for. */
  revision: string;
  image: string | undefined;
  blockage: Blockage | undefined;
  placement: Placement;
  /** Of the pool that the app names. */
  replicas: WasmReplica[];
  /** Those that stay for now of pools that it leaves. */
  former: WasmReplica[];
  /** Nodes that have to stop another revision before the wanted one starts anywhere. */
  stopping: readonly string[];
  port: number | undefined;
}

/** Returns what to do for an app. Pure: equal observations give equal plans. */
export function planApp(known: ObservedApp): Plan {
  // What a pod reported that is gone counts no more, whether somebody has written that down yet or not.
  const { observed, writes: released } = releaseReports(known);
  const { app } = observed;
  if (app.metadata.deletionTimestamp !== undefined) return { writes: [], events: [] };
  // Objects of an app of the same name that is gone: they go by themselves, and nothing is to be mixed with them.
  if (observed.hasLeftovers) return { writes: [], events: [], requeueAfterMs: LEFTOVERS_MS };
  const written = buildTemplate(app);
  const references = referencesOf(written);
  const revision = revisionOf(app, written, references, observed.versionOf);
  const image = imageOf(observed, revision, written);
  const isHttp = app.spec.trigger.http !== undefined;
  const port = isHttp || allReplicas(observed).some(({ spec }) => needsPort(spec)) ? portOf(observed) : undefined;
  const blockage = blockedBy(observed, { references, image, port, isHttp });
  const placement = place(observed);
  const target = blockage === undefined ? { revision, template: withImage(written, image.image) } : undefined;
  const { replicas, former, stopping } = replicasOf(observed, placement, target, port);
  // Told as it will be: nothing has to happen for an app that gives its port up before that is told.
  const told = isHttp || replicas.some(({ spec }) => needsPort(spec)) ? port : undefined;
  const decision: Decision = {
    revision,
    image: image.image,
    blockage,
    placement,
    replicas,
    former,
    stopping,
    port: told,
  };
  const seen = suspendedToo(observed, [...replicas, ...former]);
  const status = buildStatus(seen, decision);
  const desired = {
    role: buildRole(app, references),
    roleBinding: buildRoleBinding(app, nodesOf(placement, former), observed.systemNamespace),
    replicas: [...replicas, ...former],
    ...(isHttp &&
      port !== undefined && {
        service: buildService(app, port),
        slices: slicesOf(seen, decision, port),
        httpRoute: hasForeignService(observed) ? undefined : buildHttpRoute(app),
      }),
    status,
    isAwaited: isAwaited(observed, status),
  };
  return {
    writes: [...(released.length > 0 ? [released] : []), ...writesFor(observed, desired)],
    events: transitionEvents(app.status, status),
    ...(image.need !== undefined && { resolve: image.need }),
    ...((placement.shortage !== undefined || blockage?.reason === "PortsExhausted") && { isShort: true }),
    ...requeue(observed, status, desired.isAwaited),
  };
}

/** A new app that starts as it should is told of when it has started, or after a moment. */
function isAwaited({ app, nowMs }: ObservedApp, status: WasmAppStatus): boolean {
  if (app.status !== undefined) return false;
  const isYoung = nowMs - Date.parse(app.metadata.creationTimestamp ?? "") < FIRST_STATUS_MS;
  return isYoung && ON_ITS_WAY.has(status.conditions?.find(({ type }) => type === "Ready")?.reason ?? "");
}

/** The nodes that an app is placed on, and those of a pool that it leaves. */
function nodesOf({ nodes }: Placement, former: readonly WasmReplica[]): string[] {
  return [...new Set([...nodes, ...former.map(({ spec }) => spec.nodeName)])].toSorted();
}

/** What is known of an app's image: where its tag leads, that it has to be looked up, or why that failed. */
export interface ImageState {
  image: string | undefined;
  need?: ResolveNeed;
  failure?: { code: string; message: string };
}

/** A revision's tag is looked up once: whoever wrote it down then is asked first. */
function imageOf(observed: ObservedApp, revision: string, { source }: AppTemplate): ImageState {
  const { app, resolution } = observed;
  const { oci } = source;
  if (oci === undefined) return { image: undefined };
  if (oci.image.includes("@")) return { image: oci.image };
  if (app.status?.revision === revision && app.status.image !== undefined) return { image: app.status.image };
  for (const { spec } of allReplicas(observed)) {
    if (spec.revision === revision && spec.template.source.oci !== undefined) {
      return { image: spec.template.source.oci.image };
    }
  }
  const found = resolution(revision);
  if (found !== undefined && "image" in found) return { image: found.image };
  const need = { revision, image: oci.image, pullSecrets: (oci.imagePullSecrets ?? []).map(({ name }) => name) };
  if (found === undefined) return { image: undefined, need };
  return { image: undefined, need, failure: found.failure };
}

/**
 * The port that the app is served at stays, whatever the range says now, unless another app of the pool turns out to have it. An app that
 * becomes a command gives it up when nothing of it answers requests any more.
 */
function portOf(observed: ObservedApp): number | undefined {
  const { app, service, runtime, portFor } = observed;
  const own = observed.replicas.find(({ spec }) => spec.port !== undefined)?.spec.port;
  const target = service !== undefined && isOwn(app, service) ? service.spec?.ports?.[0]?.targetPort : undefined;
  const recorded =
    own ??
    app.status?.port ??
    allReplicas(observed).find(({ spec }) => spec.port !== undefined)?.spec.port ??
    (typeof target === "number" ? target : undefined);
  if (runtime === undefined) return recorded;
  const { ports } = runtime.spec;
  // Where nothing of it serves yet it takes what the pool's NetworkPolicy lets through, wherever it comes from.
  const isUsable = recorded === undefined || own !== undefined || (recorded >= ports.first && recorded <= ports.last);
  return portFor(ports, isUsable ? recorded : undefined);
}

/** Without its pool nothing moves: what runs stays where it is. */
function place({ app, runtime, nodes, replicas, nowMs }: ObservedApp): Placement {
  if (runtime === undefined) {
    const nodeNames = replicas.map(({ spec }) => spec.nodeName);
    return { nodes: nodeNames, wanted: Math.max(nodeNames.length, wantedReplicas(app)) };
  }
  return placeApp(app, runtime, nodes, replicas, nowMs);
}

/** Returns the replicas that are to be. Where the wanted revision cannot be had, those that are there stay as they are. */
function replicasOf(
  observed: ObservedApp,
  placement: Placement,
  target: Served | undefined,
  port: number | undefined,
): Pick<Decision, "replicas" | "former" | "stopping"> {
  const { app, runtime, replicas } = observed;
  const { nodes } = placement;
  const build = (nodeName: string, wish: RevisionOf): WasmReplica => {
    const existing = replicas.find(({ spec }) => spec.nodeName === nodeName);
    const runtimeName = runtime?.metadata.name ?? existing?.spec.runtimeName ?? "";
    const isHttp = app.spec.trigger.http !== undefined;
    return buildReplica(app, nodeName, runtimeName, wish, isHttp || needsPort(wish) ? port : undefined);
  };
  const stable = servedRevision(allReplicas(observed)) ?? recordedRevision(observed);
  if (app.spec.rollout.strategy === "Recreate") {
    const { former, stopping: elsewhere } = planDeparture(observed, target !== undefined);
    const recreation = planRecreation(observed, nodes, target, stable, elsewhere);
    return {
      replicas: [...recreation.replicas].map(([nodeName, wish]) => build(nodeName, wish)),
      former,
      stopping: recreation.stopping,
    };
  }
  const placed = replicas.filter(({ spec }) => nodes.includes(spec.nodeName));
  const rollout = target === undefined ? new Map<string, RevisionOf>() : planRollout(placed, target, stable);
  const wishes = nodes.flatMap((nodeName) => {
    const existing = placed.find(({ spec }) => spec.nodeName === nodeName);
    const wish = rollout.get(nodeName) ?? existing?.spec ?? newRevision(target, stable);
    return wish === undefined ? [] : [build(nodeName, wish)];
  });
  return { replicas: wishes, former: ofUse(observed, placement), stopping: [] };
}

/** What is about to be stopped counts as that already: it is to be without traffic before it stops. */
function suspendedToo(observed: ObservedApp, desired: readonly WasmReplica[]): ObservedApp {
  const stopping = new Set(desired.filter(({ spec }) => spec.suspend === true).map(({ metadata }) => metadata.name));
  if (stopping.size === 0) return observed;
  return changeReplicas(observed, (replica) =>
    stopping.has(replica.metadata.name) ? { ...replica, spec: { ...replica.spec, suspend: true } } : replica,
  );
}

/** Returns the revision that served last, by its record: where it ran is gone, and what replaced it may never start. */
function recordedRevision({ app, revisions }: ObservedApp): Served | undefined {
  const revision = app.status?.currentRevision;
  if (revision === undefined) return undefined;
  const name = revisionName(app.metadata.name, revision);
  const data = revisions.find(({ metadata }) => metadata.name === name)?.data as { template: AppTemplate } | undefined;
  return data && { revision, template: data.template };
}

/** A new replica also knows what serves elsewhere: that runs until the wanted revision does. */
function newRevision(target: Served | undefined, stable: Served | undefined): RevisionOf | undefined {
  return target === undefined ? stable : withPrevious(target, stable);
}

/** Routes and slices lead by the name of the Service: one that is somebody else's would get requests, or endpoints. */
function hasForeignService({ app, service }: ObservedApp): boolean {
  return service !== undefined && !isOwn(app, service);
}

function slicesOf(observed: ObservedApp, { placement, former }: Decision, port: number): EndpointSlice[] {
  const { app, formerPools, replicas, slices, nowMs } = observed;
  if (hasForeignService(observed)) return [];
  if (waitForReplicasMs(slices, observed) > 0) return [...slices];
  const placed = replicas.filter(({ spec }) => placement.nodes.includes(spec.nodeName));
  const endpoints = new Map([[port, endpointsOf(observed, placed, nowMs)]]);
  const staying = new Set(former.map(({ metadata }) => metadata.name));
  for (const pool of formerPools) {
    const left = pool.replicas.filter(({ metadata }) => staying.has(metadata.name));
    const formerPort = left[0]?.spec.port ?? port;
    endpoints.set(formerPort, [...(endpoints.get(formerPort) ?? []), ...endpointsOf(pool, left, nowMs)]);
  }
  return buildEndpointSlices(app, endpoints, slices, basisOf(observed));
}

/** Looks again when a node counts as lost, when a rollout is overdue, and when a new app should have reported. */
function requeue(observed: ObservedApp, status: WasmAppStatus, isAwaited: boolean): { requeueAfterMs?: number } {
  const { app, nowMs } = observed;
  const behindMs = waitForReplicasMs(observed.slices, observed);
  const waits = [
    behindMs > 0 ? behindMs : undefined,
    ...[observed, ...observed.formerPools].flatMap(({ runtime, nodes, replicas }) => [
      recoveryMs(nodes, nowMs),
      runtime && nextLossMs(replicas, nodes, runtime.spec.unreachableSeconds, nowMs),
    ]),
    deadlineInMs(app, status, nowMs),
    isAwaited ? FIRST_STATUS_MS : undefined,
  ].filter((ms) => ms !== undefined);
  return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
}
