import { defaultWasmApp } from "../../crds/validate.ts";
import { SECRETS, SERVICES } from "../../kube/resources.ts";
import { isOwn } from "../apps/ownership.ts";
import { RESTARTED_AT } from "../apps/template.ts";
import { WASM_APPS, WASM_REPLICAS, WASM_RUNTIMES, type WasmAppObject, type WasmRuntime } from "../objects.ts";
import type { PortRange } from "../ports.ts";
import { servingReplicas } from "./serving.ts";
import type { World } from "./world.ts";

/** The namespace of all apps. */
const NAMESPACE = "default";
/** The second pool, where there is one. */
export const EDGE = "edge";

/** What a user wants of an app. */
export interface Wish {
  replicas: number;
  version: number;
  isBad?: boolean;
  isCommand?: boolean;
  secret?: string;
  isEverywhere?: boolean;
  /** Whether revisions replace each other with strategy Recreate. */
  isRecreated?: boolean;
  isExposed?: boolean;
  /** Whether it is to run in the pool `edge`. */
  isAtEdge?: boolean;
}

/** What people do to apps, and what their apps refer to. */
export class Users {
  readonly #world: World;
  /** When somebody last did something to an app after which it may have no endpoint. */
  readonly reshapedMs = new Map<string, number>();
  /** When the strategy of an app was last changed: until what was under way is over, two revisions may serve. */
  readonly strategyMs = new Map<string, number>();
  /** The same as `reshapedMs` for the whole pool. */
  poolMs = Number.NEGATIVE_INFINITY;
  /** Apps whose last revision is bad and whose one before must serve on. */
  readonly mustServe = new Set<string>();
  /** Whether a user deletes something right now. */
  isDeleting = false;

  constructor(world: World) {
    this.#world = world;
  }

  createPool(name: string, ports: PortRange, maxAppsPerNode: number): void {
    const spec = { tolerations: [], resources: {}, ports, maxAppsPerNode, unreachableSeconds: 10 };
    const metadata = { name };
    const runtime = { apiVersion: WASM_RUNTIMES.apiVersion, kind: WASM_RUNTIMES.kind, metadata, spec };
    this.#world.api.create(WASM_RUNTIMES, runtime as unknown as WasmRuntime);
  }

  editPool(change: { ports?: PortRange; maxAppsPerNode?: number }): void {
    this.poolMs = this.#world.scheduler.nowMs;
    this.#world.api.edit(WASM_RUNTIMES, { name: "default" }, ({ spec }) => Object.assign(spec, change));
  }

  /** Applies an app: creates it where there is none. */
  apply(name: string, wish: Wish): void {
    const ref = { namespace: NAMESPACE, name };
    const held = this.#world.api.get(WASM_APPS, ref);
    this.#noteWhatIsAtStake(name, held, wish);
    const { spec } = defaultWasmApp(manifestOf(name, wish)) as unknown as WasmAppObject;
    if (held === undefined || isReshaped(held.spec, spec)) this.reshapedMs.set(name, this.#world.scheduler.nowMs);
    if (held !== undefined && held.spec.rollout.strategy !== spec.rollout.strategy) {
      this.strategyMs.set(name, this.#world.scheduler.nowMs);
    }
    if (held === undefined) {
      const { apiVersion, kind } = WASM_APPS;
      this.#world.api.create(WASM_APPS, { apiVersion, kind, metadata: ref, spec });
    } else this.#world.api.edit(WASM_APPS, ref, (app) => Object.assign(app, { spec }));
  }

  /** An app that was up when a bad revision came must be so at the end, unless somebody does something else to it. */
  #noteWhatIsAtStake(name: string, held: WasmAppObject | undefined, wish: Wish): void {
    const { isBad, isCommand, isRecreated, replicas } = wish;
    const wasUp = held !== undefined && isUp(this.#world, held);
    const isRolled = isRecreated !== true && held?.spec.rollout.strategy !== "Recreate";
    const isHttp = isCommand !== true && held?.spec.trigger.http !== undefined;
    if (isBad === true && isHttp && isRolled && replicas > 0 && wasUp) {
      this.mustServe.add(name);
    } else this.mustServe.delete(name);
  }

  scale(name: string, minReplicas: number): void {
    if (minReplicas === 0) this.mustServe.delete(name);
    this.#world.api.edit(WASM_APPS, { namespace: NAMESPACE, name }, ({ spec }) => {
      if (minReplicas === 0 || spec.scale.minReplicas === 0) this.reshapedMs.set(name, this.#world.scheduler.nowMs);
      Object.assign(spec.scale, { minReplicas });
    });
  }

  restart(name: string): void {
    this.#world.api.edit(WASM_APPS, { namespace: NAMESPACE, name }, ({ metadata }) => {
      metadata.annotations = { ...metadata.annotations, [RESTARTED_AT]: this.#world.scheduler.date.toISOString() };
    });
  }

  delete(name: string): void {
    this.mustServe.delete(name);
    this.reshapedMs.set(name, this.#world.scheduler.nowMs);
    this.#world.api.delete(WASM_APPS, { namespace: NAMESPACE, name });
  }

  /** Creates a Secret, or gives it other contents. */
  writeSecret(name: string): void {
    const ref = { namespace: NAMESPACE, name };
    const data = { at: String(this.#world.scheduler.nowMs) };
    const edited = this.#world.api.edit(SECRETS, ref, (secret) => Object.assign(secret, { data }));
    if (edited !== undefined) return;
    this.#world.api.create(SECRETS, { apiVersion: "v1", kind: "Secret", metadata: ref, data });
  }

  deleteSecret(name: string): void {
    this.#world.api.delete(SECRETS, { namespace: NAMESPACE, name });
  }

  /** Creates a Service that is none of Wasmlet's business, perhaps under the name of an app. */
  createService(name: string): void {
    const ref = { namespace: NAMESPACE, name };
    if (this.#world.api.get(SERVICES, ref) !== undefined) return;
    // It gets none of the endpoints of the app whose name it has.
    this.reshapedMs.set(name, this.#world.scheduler.nowMs);
    const spec = { ports: [{ port: 80 }], clusterIP: "10.96.9.9" };
    this.#world.api.create(SERVICES, { apiVersion: "v1", kind: "Service", metadata: ref, spec });
  }

  /** Deletes a Service; also the one of an app, by mistake. */
  deleteService(name: string): void {
    this.isDeleting = true;
    this.#world.api.delete(SERVICES, { namespace: NAMESPACE, name });
    this.isDeleting = false;
  }
}

function manifestOf(name: string, wish: Wish): object {
  const { replicas, version, isBad, isCommand, secret, isEverywhere, isRecreated, isExposed, isAtEdge } = wish;
  const image = `registry.example.com/${name}:v${version}`;
  return {
    metadata: { name },
    spec: {
      source: { oci: { image } },
      trigger: isCommand === true ? { command: { restartPolicy: "Always" } } : { http: {} },
      env: [{ name: "VERSION", value: String(version) }, ...(isBad === true ? [{ name: "BAD", value: "1" }] : [])],
      ...(secret !== undefined && { envFrom: [{ secretRef: { name: secret } }] }),
      scale: { minReplicas: replicas },
      placement: {
        ...(isEverywhere === true && { everyNode: true }),
        ...(isAtEdge === true && { runtimeRef: { name: EDGE } }),
      },
      ...(isExposed === true && isCommand !== true && { expose: { httpRoute: { parentRefs: [{ name: "public" }] } } }),
      rollout: { progressDeadlineSeconds: 60, ...(isRecreated === true && { strategy: "Recreate" }) },
    },
  };
}

/** Whether every replica of an app serves what it is to serve, or did until its node runtime was started anew. */
function isUp(world: World, app: WasmAppObject): boolean {
  const replicas = world.api.list(WASM_REPLICAS).filter((replica) => isOwn(app, replica));
  const serving = new Set(servingReplicas(world, app).map(({ nodeName }) => nodeName));
  const isDone = replicas.every(({ metadata: { uid = "" }, spec, status }) => {
    if (spec.previous !== undefined || !world.hasServed(uid, spec.revision)) return false;
    return status?.state === "Starting" || (status?.revision === spec.revision && serving.has(spec.nodeName));
  });
  return isDone && app.spec.scale.minReplicas > 0 && replicas.length > 0;
}

function isReshaped(before: WasmAppObject["spec"], after: WasmAppObject["spec"]): boolean {
  return shapeOf(before) !== shapeOf(after);
}

function shapeOf({ scale, placement, trigger, rollout }: WasmAppObject["spec"]): string {
  return JSON.stringify([scale.minReplicas === 0, placement?.everyNode, trigger, rollout.strategy]);
}
