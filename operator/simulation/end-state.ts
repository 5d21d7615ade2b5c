import { keyOf, type KubeObject } from "../../kube/objects.ts";
import { ENDPOINT_SLICES, NODES, PODS, ROLE_BINDINGS, ROLES, SECRETS, SERVICES } from "../../kube/resources.ts";
import { HTTP_ROUTES } from "../apps/http-route.ts";
import { isOwn } from "../apps/ownership.ts";
import { referencesOf } from "../apps/references.ts";
import { buildTemplate } from "../apps/template.ts";
import { runtimeNameOf } from "../cluster-state.ts";
import { WASM_APPS, WASM_REPLICAS, WASM_RUNTIMES, type WasmAppObject, type WasmReplica } from "../objects.ts";
import { isBad } from "./node-runtime.ts";
import { servingReplicas } from "./serving.ts";
import type { Users } from "./users.ts";
import type { World } from "./world.ts";

/*
 * What must hold when nothing has happened for a while. It follows from what users want and which machines there are, not
 * from the way there: so it also holds in a run without faults, and is the same in both as far as it is not a matter of
 * chance: which of equal nodes was chosen, which app got the last port.
 */

const SECRET_GONE = "Degraded=True SecretNotFound";

/** Checks the end of a run; what is wrong goes into the world's violations. */
export function checkEndState(world: World, users: Users): void {
  noOrphans(world);
  noPortTwice(world);
  for (const app of world.api.list(WASM_APPS)) new AppCheck(world, users, app).run();
}

/** Returns what a run must end with, whatever went wrong on the way: an app and how it is, per line. */
export function summarize(world: World): string[] {
  return world.api
    .list(WASM_APPS)
    .filter((app) => !isBad(buildTemplate(app)))
    .map(({ metadata, status }) => {
      const conditions = (status?.conditions ?? []).map(
        ({ type, status: holds, reason }) => `${type}=${holds} ${reason}`,
      );
      // Whether it got up before its Secret was deleted is a matter of chance: so how many serve is left out, and nothing else.
      if (conditions.includes(SECRET_GONE)) {
        return `${metadata.name}: ${conditions.filter((condition) => !condition.startsWith("Ready=")).join(", ")}`;
      }
      return `${metadata.name}: ${status?.ready} ${status?.updatedReplicas} updated, ${conditions.join(", ")}`;
    })
    .toSorted();
}

function noOrphans(world: World): void {
  const uids = new Set(world.api.list(WASM_APPS).map(({ metadata }) => metadata.uid));
  const nodes = new Set(world.api.list(NODES).map(({ metadata }) => metadata.name));
  for (const resource of [WASM_REPLICAS, SERVICES, HTTP_ROUTES, ENDPOINT_SLICES, ROLES, ROLE_BINDINGS]) {
    for (const { metadata } of world.api.list<KubeObject>(resource)) {
      const owner = metadata.ownerReferences?.[0];
      if (owner === undefined || uids.has(owner.uid)) continue;
      world.violate("no orphans", `${resource.kind} ${metadata.name} belongs to nobody`);
    }
  }
  for (const { metadata, spec } of world.api.list(WASM_REPLICAS)) {
    if (!nodes.has(spec.nodeName))
      world.violate("no orphans", `${metadata.name} is on ${spec.nodeName}, which is gone`);
  }
}

function noPortTwice(world: World): void {
  const holders = new Map<string, string>();
  for (const { name, pool, port } of portsOf(world)) {
    const place = `${port} of ${pool}`;
    const other = holders.get(place) ?? name;
    if (other !== name) world.violate("one app per port", `${other} and ${name} have ${place}`);
    holders.set(place, name);
  }
}

/** Returns which app has which port in which pool, by its status and by its replicas. */
function portsOf(world: World): { name: string; pool: string; port: number }[] {
  const apps = world.api.list(WASM_APPS);
  const held = [
    ...apps.map((app) => ({ name: app.metadata.name, pool: runtimeNameOf(app), port: app.status?.port })),
    ...world.api
      .list(WASM_REPLICAS)
      .map(({ spec }) => ({ name: spec.appName, pool: spec.runtimeName, port: spec.port })),
  ];
  return held.flatMap(({ port, ...holder }) => (port === undefined ? [] : [{ ...holder, port }]));
}

/** What must hold of one app. */
class AppCheck {
  readonly #world: World;
  readonly #users: Users;
  readonly #app: WasmAppObject;
  /** Of whatever pool. */
  readonly #replicas: WasmReplica[];
  /** The pool that it asks for. */
  readonly #pool: string;

  constructor(world: World, users: Users, app: WasmAppObject) {
    this.#world = world;
    this.#users = users;
    this.#app = app;
    this.#replicas = world.api.list(WASM_REPLICAS).filter((replica) => isOwn(app, replica));
    this.#pool = runtimeNameOf(app);
  }

  get #placed(): WasmReplica[] {
    return this.#replicas.filter(({ spec }) => spec.runtimeName === this.#pool);
  }

  run(): void {
    const blockage = this.#blockage();
    this.#statusIsTrue();
    this.#endpointsAreThose();
    this.#isRoutedAsWanted();
    this.#badCostsNothing();
    if (blockage !== undefined) {
      const said = this.#app.status?.conditions?.find(({ type }) => type === "Degraded")?.reason;
      if (said !== blockage) this.#wrong("the blockage is told", `${blockage}, but it says ${said}`);
      return;
    }
    this.#isOnAsManyNodesAsPossible();
    if (!isBad(buildTemplate(this.#app))) this.#everyReplicaIsUpdated();
  }

  #blockage(): string | undefined {
    const { name, namespace } = this.#app.metadata;
    const missing = referencesOf(buildTemplate(this.#app)).find(
      (reference) => this.#world.api.get(SECRETS, { namespace, name: reference.name }) === undefined,
    );
    if (missing !== undefined) return "SecretNotFound";
    const service = this.#world.api.get(SERVICES, { namespace, name });
    const isHttp = this.#app.spec.trigger.http !== undefined;
    if (isHttp && service !== undefined && !isOwn(this.#app, service)) return "ServiceConflict";
    return isHttp && this.#app.status?.port === undefined && !this.#isPortFree() ? "PortsExhausted" : undefined;
  }

  #isPortFree(): boolean {
    const { first, last } = this.#world.api.get(WASM_RUNTIMES, { name: this.#pool })!.spec.ports;
    const held = portsOf(this.#world).filter(({ pool }) => pool === this.#pool);
    const taken = new Set(held.map(({ port }) => port));
    for (let port = first; port <= last; port++) if (!taken.has(port)) return true;
    return false;
  }

  #statusIsTrue(): void {
    const { status, metadata } = this.#app;
    const serving = servingReplicas(this.#world, this.#app);
    const updated = serving.filter(
      ({ runtimeName, revision }) => runtimeName === this.#pool && revision === status?.revision,
    ).length;
    const expected = [metadata.generation, this.#replicas.length, serving.length, updated].join();
    const said = [status?.observedGeneration, status?.replicas, status?.readyReplicas, status?.updatedReplicas].join();
    if (said !== expected) {
      this.#wrong("the status is true", `generation, replicas, ready, updated are ${expected}, but it says ${said}`);
    }
  }

  #endpointsAreThose(): void {
    const slices = this.#world.api.list(ENDPOINT_SLICES).filter((slice) => isOwn(this.#app, slice));
    const service = this.#world.api.get(SERVICES, this.#app.metadata);
    const { port } = this.#app.status ?? {};
    if (this.#app.spec.trigger.http === undefined) {
      if (slices.length > 0) this.#wrong("endpoints are those that serve", "a command has EndpointSlices");
      return;
    }
    const found = slices.flatMap(({ endpoints, ports }) =>
      (endpoints ?? []).map(
        ({ addresses, conditions }) =>
          `${addresses[0]}:${ports?.[0]?.port}${conditions?.ready === true ? "" : " not ready"}`,
      ),
    );
    const isForeign = service !== undefined && !isOwn(this.#app, service);
    const expected = isForeign ? [] : this.#servingAddresses();
    if (found.toSorted().join() !== expected.toSorted().join()) {
      this.#wrong("endpoints are those that serve", `they are ${found.join()} instead of ${expected.join()}`);
    }
    if (this.#placed.some(({ spec }) => spec.port !== port)) {
      this.#wrong("one port", `replicas have ${this.#placed.map(({ spec }) => spec.port).join()} instead of ${port}`);
    }
    if (port === undefined || isForeign) return;
    const target = service?.spec?.ports?.[0]?.targetPort;
    if (target !== port) this.#wrong("one port", `the Service leads to ${target} instead of ${port}`);
  }

  #isRoutedAsWanted(): void {
    const route = this.#world.api.get(HTTP_ROUTES, this.#app.metadata);
    const service = this.#world.api.get(SERVICES, this.#app.metadata);
    const isWanted = this.#app.spec.expose !== undefined && service !== undefined && isOwn(this.#app, service);
    if ((route !== undefined) === isWanted) return;
    this.#wrong("routes are those that are wanted", `there is ${route === undefined ? "none" : "one"}`);
  }

  #servingAddresses(): string[] {
    const pods = new Set(this.#world.api.list(PODS).map(({ metadata }) => metadata.name));
    return this.#replicas.flatMap(({ metadata, spec: { port } }) => {
      if (port === undefined) return [];
      const runtime = [...this.#world.runtimes].findLast(
        (candidate) => candidate.servedAt(port)?.uid === metadata.uid && pods.has(candidate.pod.name),
      );
      return runtime === undefined ? [] : [`${runtime.pod.ip}:${port}`];
    });
  }

  #badCostsNothing(): void {
    if (!this.#users.mustServe.has(this.#app.metadata.name)) return;
    const serving = servingReplicas(this.#world, this.#app).length;
    if (serving === this.#replicas.length && (serving > 0 || this.#freeNodes().length === 0)) return;
    this.#wrong(
      "a bad revision costs nothing",
      `${serving} of ${this.#replicas.length} replicas serve what served before`,
    );
  }

  #isOnAsManyNodesAsPossible(): void {
    const { everyNode = false } = this.#app.spec.placement ?? {};
    const { minReplicas } = this.#app.spec.scale;
    const { length } = this.#placed;
    if (!everyNode && length > minReplicas) {
      this.#wrong("as many nodes as wanted", `${length} replicas instead of ${minReplicas}`);
    }
    if (!everyNode && length >= minReplicas) return;
    const free = this.#freeNodes();
    if (free.length > 0) {
      this.#wrong("as many nodes as wanted", `${length} replicas, but ${free.join()} could have another`);
    }
  }

  #freeNodes(): string[] {
    const { maxAppsPerNode } = this.#world.api.get(WASM_RUNTIMES, { name: this.#pool })!.spec;
    const all = this.#world.api.list(WASM_REPLICAS).filter(({ spec }) => spec.runtimeName === this.#pool);
    return this.#world.api.list(NODES).flatMap(({ metadata: { name }, spec }) => {
      const isTaken = this.#placed.some((replica) => replica.spec.nodeName === name);
      const load = all.filter((replica) => replica.spec.nodeName === name).length;
      return isTaken || spec?.unschedulable === true || load >= maxAppsPerNode ? [] : [name];
    });
  }

  #everyReplicaIsUpdated(): void {
    const { revision } = this.#app.status ?? {};
    const serving = new Map(
      servingReplicas(this.#world, this.#app)
        .filter(({ runtimeName }) => runtimeName === this.#pool)
        .map((replica) => [replica.nodeName, replica.revision]),
    );
    for (const { spec } of this.#placed) {
      const runs = serving.get(spec.nodeName);
      if (spec.revision === revision && runs === revision && spec.previous === undefined) continue;
      const previous = spec.previous === undefined ? "" : `, previous ${spec.previous.revision}`;
      const message = `${spec.nodeName} is asked for ${spec.revision}${previous} and runs ${runs} instead of ${revision}`;
      this.#wrong("every replica is updated", message);
    }
  }

  #wrong(rule: string, message: string): void {
    this.#world.violate(rule, `${keyOf(this.#app.metadata)}: ${message}`);
  }
}
