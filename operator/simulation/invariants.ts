import { keyOf } from "../../kube/objects.ts";
import { ENDPOINT_SLICES, NODES, SERVICES, type EndpointSlice } from "../../kube/resources.ts";
import { isOwn } from "../apps/ownership.ts";
import { WASM_APPS, type WasmAppObject } from "../objects.ts";
import type { Users } from "./users.ts";
import { ownerOf, type World } from "./world.ts";

/* What must hold at every moment, whatever goes wrong. */

/** After a change of nodes, or of how many nodes an app wants, it may have no endpoint for so long. */
const GRACE_MS = 90_000;

type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];

/** Looks at the world after every change of it. */
export class Invariants {
  readonly #world: World;
  readonly #users: Users;
  /** Apps that could be reached when we last looked, by uid. */
  #reachable = new Set<string>();
  /** Apps that ran in one revision at most when we last looked, by uid. */
  #single = new Set<string>();
  #version = 0;

  constructor(world: World, users: Users) {
    this.#world = world;
    this.#users = users;
    world.api.onChange((plural, { type, object }) => {
      if (plural === ENDPOINT_SLICES.plural && type !== "DELETED") this.#endpointsWereReady(object as EndpointSlice);
      if (plural === SERVICES.plural) this.#foreignServiceIsLeftAlone(type, object);
    });
  }

  /** Looks at everything. */
  check(): void {
    const version = this.#world.api.version + this.#world.servingCount;
    if (this.#version === version) return;
    this.#version = version;
    this.#requestsReachTheirApp();
    this.#rolloutsKeepServing();
    this.#recreatedAppsHaveOneRevision();
  }

  /** There is no endpoint, ready or not, where the app never was. */
  #endpointsWereReady(slice: EndpointSlice): void {
    const app = ownerOf(slice) ?? "";
    const port = slice.ports?.[0]?.port ?? 0;
    for (const { addresses, targetRef } of slice.endpoints ?? []) {
      const [ip = ""] = addresses;
      if (this.#world.wasReady(targetRef?.uid ?? "", ip, port, app)) continue;
      const where = `${targetRef?.name ?? ""} ${ip}:${port}`;
      this.#world.violate("endpoints were ready", `${slice.metadata.name} leads to ${where}, where it never was ready`);
    }
  }

  /** What users made under an app's name stays as it is. */
  #foreignServiceIsLeftAlone(type: string, service: { metadata: { name: string; ownerReferences?: unknown } }): void {
    const spec = (service as { spec?: { clusterIP?: string } }).spec;
    if (spec?.clusterIP !== "10.96.9.9" || type === "ADDED") return;
    if (type === "DELETED" && service.metadata.ownerReferences === undefined && this.#users.isDeleting) return;
    this.#world.violate("foreign Services are left alone", `${type} ${service.metadata.name}`);
  }

  /** Whatever serves at an endpoint of an app is that app. */
  #requestsReachTheirApp(): void {
    for (const slice of this.#world.api.list(ENDPOINT_SLICES)) {
      const app = this.#world.api.list(WASM_APPS).find((candidate) => isOwn(candidate, slice));
      if (app === undefined) continue;
      for (const endpoint of slice.endpoints ?? []) {
        const found = this.#servedAt(slice, endpoint);
        if (found === undefined || found === app.metadata.uid) continue;
        this.#world.violate(
          "requests reach their app",
          `${slice.metadata.name} leads to ${endpoint.addresses[0]}:${slice.ports?.[0]?.port}, where another app serves`,
        );
      }
    }
  }

  /** An app that can be reached stays so while nothing but its revision changes. */
  #rolloutsKeepServing(): void {
    const reachable = new Set<string>();
    const slices = Map.groupBy(this.#world.api.list(ENDPOINT_SLICES), (slice) => ownerOf(slice) ?? "");
    for (const app of this.#world.api.list(WASM_APPS)) {
      const { uid = "" } = app.metadata;
      // Between two revisions nothing serves: that is what the strategy is for.
      if (app.spec.rollout.strategy === "Recreate") continue;
      // What the user scaled to nothing goes when the operator comes to it.
      if (app.spec.scale.minReplicas === 0) continue;
      if ((slices.get(uid) ?? []).some((slice) => this.#isReached(slice, uid))) reachable.add(uid);
      else if (this.#reachable.has(uid) && this.#isCalm(app)) {
        this.#world.violate("rollouts keep serving", `${keyOf(app.metadata)} has no endpoint that serves any more`);
      }
    }
    this.#reachable = reachable;
  }

  /** With strategy Recreate two revisions never run at once, but on a node that nobody hears of. */
  #recreatedAppsHaveOneRevision(): void {
    const single = new Set<string>();
    for (const app of this.#world.api.list(WASM_APPS)) {
      const { uid = "", name } = app.metadata;
      const changedMs = this.#users.strategyMs.get(name) ?? Number.NEGATIVE_INFINITY;
      if (app.spec.rollout.strategy !== "Recreate" || this.#world.scheduler.nowMs - changedMs < GRACE_MS) continue;
      const running = new Map<string, string>();
      for (const runtime of this.#world.runtimes) {
        if (!this.#isHeardOf(runtime.pod.nodeName)) continue;
        for (const revision of runtime.revisionsOf(uid)) running.set(revision, runtime.pod.name);
      }
      if (running.size < 2) single.add(uid);
      // Two that ran already when the strategy was changed may go on where something stands in the app's way.
      if (running.size < 2 || !this.#single.has(uid)) continue;
      const where = [...running].map(([revision, pod]) => `${revision} in ${pod}`).join(", ");
      this.#world.violate("recreated apps have one revision", `${keyOf(app.metadata)} runs as ${where}`);
    }
    this.#single = single;
  }

  #isHeardOf(nodeName: string): boolean {
    const conditions = this.#world.api.get(NODES, { name: nodeName })?.status?.conditions;
    return conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  }

  #isReached(slice: EndpointSlice, app: string): boolean {
    return (slice.endpoints ?? []).some(
      (endpoint) => endpoint.conditions?.ready === true && this.#servedAt(slice, endpoint) === app,
    );
  }

  #isCalm({ metadata: { name } }: WasmAppObject): boolean {
    const since = Math.max(this.#world.disturbedMs, this.#users.reshapedMs.get(name) ?? 0, this.#users.poolMs);
    return this.#world.scheduler.nowMs - since > GRACE_MS;
  }

  /** Returns the uid of the app that serves at an endpoint. */
  #servedAt(slice: EndpointSlice, { addresses }: Endpoint): string | undefined {
    const port = slice.ports?.[0]?.port ?? 0;
    for (const runtime of this.#world.runtimes) {
      if (runtime.pod.ip !== addresses[0]) continue;
      const found = runtime.servedAt(port);
      if (found !== undefined) return found.app;
    }
    return undefined;
  }
}
