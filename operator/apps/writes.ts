import type { KubeObject } from "../../kube/objects.ts";
import {
  CONTROLLER_REVISIONS,
  ENDPOINT_SLICES,
  ROLE_BINDINGS,
  ROLES,
  SERVICES,
  type EndpointSlice,
  type Resource,
  type Role,
  type RoleBinding,
  type Service,
} from "../../kube/resources.ts";
import { WASM_APPS, WASM_REPLICAS, type WasmAppObject, type WasmAppStatus, type WasmReplica } from "../objects.ts";
import type { Write } from "../writer.ts";
import { HTTP_ROUTES, type HttpRoute } from "./http-route.ts";
import { allReplicas } from "./former-pools.ts";
import type { ObservedApp } from "./observed.ts";
import { isOwn } from "./ownership.ts";
import { buildRevision, revisionName } from "./resources.ts";

/** An app's objects as they are to be; what is undefined is to be gone. */
export interface DesiredObjects {
  role: Role | undefined;
  roleBinding: RoleBinding;
  replicas: WasmReplica[];
  service?: Service | undefined;
  httpRoute?: HttpRoute | undefined;
  slices?: EndpointSlice[];
  status: WasmAppStatus;
  /** Whether there will be more to tell in a moment: until then the status is not written. */
  isAwaited: boolean;
}

/** Earlier revisions that are kept. */
const MAX_REVISIONS = 10;

/**
 * Returns the requests that make what is what is to be, none for what is so already: in steps, so that it is safe to stop
 * after any request. Those of one step depend on none of it.
 */
export function writesFor(observed: ObservedApp, desired: DesiredObjects): Write[][] {
  const { app, role, roleBinding, service, slices } = observed;
  const replicas = allReplicas(observed);
  const hasRole = desired.role !== undefined;
  const steps = [
    [
      ...keepRevisions(observed, desired),
      ...replaceAll(ROLES, app, toList(role), toList(desired.role), holdsAll),
      ...createOrApply(SERVICES, app, service, desired.service, holdsAll),
    ],
    // A binding needs its Role, and a node that comes to read before it may has to ask again.
    replaceAll(ROLE_BINDINGS, app, toList(roleBinding), hasRole ? [desired.roleBinding] : [], holdsAll),
    replaceAll(WASM_REPLICAS, app, replicas, desired.replicas, isSameReplica),
    replaceAll(ENDPOINT_SLICES, app, slices, desired.slices ?? [], isSameSlice),
    statusWrites(observed, desired),
    // After the status: a route that the cluster refuses keeps nothing else from being done.
    httpRouteWrites(observed, desired),
    removeOthers(ENDPOINT_SLICES, slices, desired.slices ?? [], app),
    removeOthers(WASM_REPLICAS, replicas, desired.replicas, app),
    [
      ...removeOthers(SERVICES, toList(service), toList(desired.service), app),
      ...removeOthers(ROLE_BINDINGS, toList(roleBinding), hasRole ? [desired.roleBinding] : [], app),
      ...removeOthers(ROLES, toList(role), toList(desired.role), app),
    ],
  ];
  return steps.filter((writes) => writes.length > 0);
}

function statusWrites({ app }: ObservedApp, { status, isAwaited }: DesiredObjects): Write[] {
  if (isAwaited || isEqual(app.status, status)) return [];
  return [{ kind: "status", resource: WASM_APPS, object: { ...app, status } as WasmAppObject }];
}

/** Before a revision is replaced anywhere, or goes with the last of its replicas, it is written down; the oldest of too many go. */
function keepRevisions(observed: ObservedApp, { replicas: desired, status }: DesiredObjects): Write[] {
  const { app, revisions } = observed;
  const wanted = new Map(desired.map((replica) => [replica.metadata.name, replica.spec.revision]));
  const leaving = new Map(
    allReplicas(observed)
      .filter(({ metadata, spec }) => (wanted.get(metadata.name) ?? status.revision) !== spec.revision)
      .map(({ spec }) => [spec.revision, spec]),
  );
  const known = new Set(revisions.map(({ metadata }) => metadata.name));
  let number = Math.max(0, ...revisions.map(({ revision }) => revision));
  const added = [...leaving.values()]
    .map((spec) => buildRevision(app, spec, ++number))
    .filter(({ metadata }) => !known.has(metadata.name));
  const excess = revisions.length + added.length - MAX_REVISIONS;
  // The one to fall back to stays, however many were tried since.
  const current = app.status?.currentRevision && revisionName(app.metadata.name, app.status.currentRevision);
  const others = revisions.filter(({ metadata }) => metadata.name !== current);
  const oldest = others.toSorted((a, b) => a.revision - b.revision).slice(0, Math.max(0, excess));
  return [
    ...added.map((object): Write => ({ kind: "create", resource: CONTROLLER_REVISIONS, object })),
    ...oldest.map((object): Write => ({ kind: "delete", resource: CONTROLLER_REVISIONS, object })),
  ];
}

function httpRouteWrites({ app, httpRoute, gatewayApiAbsence }: ObservedApp, desired: DesiredObjects): Write[] {
  if (gatewayApiAbsence !== undefined) return [];
  return [
    ...createOrApply(HTTP_ROUTES, app, httpRoute, desired.httpRoute, isSameRoute),
    ...removeOthers(HTTP_ROUTES, toList(httpRoute), toList(desired.httpRoute), app),
  ];
}

/**
 * Objects in which others have fields. What somebody else made meanwhile under that name is left alone: it is created, or
 * applied where it is known to be ours.
 */
function createOrApply<T extends KubeObject>(
  resource: Resource<T>,
  app: WasmAppObject,
  observed: T | undefined,
  desired: T | undefined,
  isSame: (desired: T, observed: T) => boolean,
): Write[] {
  if (desired === undefined) return [];
  if (observed === undefined) return [{ kind: "create", resource, object: desired }];
  return !isOwn(app, observed) || isSame(desired, observed) ? [] : [{ kind: "apply", resource, object: desired }];
}

/** Objects in which nobody else has a field: what is there is replaced by what is to be, where it is another. */
function replaceAll<T extends KubeObject>(
  resource: Resource<T>,
  app: WasmAppObject,
  observed: readonly T[],
  desired: readonly T[],
  isSame: (desired: T, observed: T) => boolean,
): Write[] {
  return desired.flatMap((object): Write[] => {
    const found = observed.find(({ metadata }) => metadata.name === object.metadata.name);
    if (found === undefined) return [{ kind: "create", resource, object }];
    if (!isOwn(app, found) || isSame(object, found)) return [];
    const { resourceVersion, annotations } = found.metadata;
    const kept = { ...annotations, ...object.metadata.annotations };
    const metadata = { ...object.metadata, resourceVersion, ...(!isEqual(kept, {}) && { annotations: kept }) };
    return [{ kind: "replace", resource, object: { ...found, ...object, metadata } }];
  });
}

function removeOthers<T extends KubeObject>(
  resource: Resource<T>,
  observed: readonly T[],
  desired: readonly T[],
  app: WasmAppObject,
): Write[] {
  const kept = new Set(desired.map(({ metadata }) => metadata.name));
  return observed
    .filter(({ metadata }) => !kept.has(metadata.name) && metadata.deletionTimestamp === undefined)
    .filter((object) => isOwn(app, object))
    .map((object) => ({ kind: "delete", resource, object }));
}

/** A field that is left out, such as `previous`, is to be gone: so the whole of the spec counts. */
function isSameReplica(desired: WasmReplica, observed: WasmReplica): boolean {
  return isEqual(observed.spec, desired.spec) && holds(observed.metadata, desired.metadata);
}

function holdsAll<T>(desired: T, observed: T): boolean {
  return holds(observed, desired);
}

/**
 * Returns whether a route has everything that it is to have. A section that is no longer asked for can't be asked for by an
 * empty name: so it counts that there is none.
 */
export function isSameRoute(desired: HttpRoute, observed: HttpRoute): boolean {
  return holds(observed, desired) && isEqual(sectionsOf(desired), sectionsOf(observed));
}

function sectionsOf({ spec: { parentRefs = [] } }: HttpRoute): unknown[] {
  return parentRefs.map(({ sectionName }) => sectionName);
}

/** What a slice was made from is written with it: that this is newer is no reason to write. */
function isSameSlice(desired: EndpointSlice, observed: EndpointSlice): boolean {
  return (
    holds(observed.endpoints, desired.endpoints) &&
    holds(observed.ports, desired.ports) &&
    holds(observed.metadata, { ...desired.metadata, annotations: undefined })
  );
}

/** Returns whether a value has everything that another one has; lists are compared as a whole, item by item. */
export function holds(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) && whole.length === part.length && part.every((item, index) => holds(whole[index], item))
    );
  }
  if (typeof part !== "object" || part === null) return whole === part;
  if (typeof whole !== "object" || whole === null) return false;
  return Object.entries(part).every(
    ([key, value]) => value === undefined || holds((whole as Record<string, unknown>)[key], value),
  );
}

/** Returns whether two values of JSON are equal; a field that is undefined counts as left out. */
export function isEqual(a: unknown, b: unknown): boolean {
  return holds(a, b) && holds(b, a);
}

function toList<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}
