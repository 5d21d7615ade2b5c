import { APP_LABEL } from "../crds/wasm-replica/types.ts";
import { DEFAULT_RUNTIME } from "../crds/wasm-runtime/types.ts";
import { Informer, type InformerOptions } from "../kube/informer.ts";
import type { KubeClient } from "../kube/client.ts";
import { keyOf, type KubeObject } from "../kube/objects.ts";
import {
  CONFIG_MAPS,
  CONTROLLER_REVISIONS,
  DAEMON_SETS,
  ENDPOINT_SLICES,
  metadataOf,
  NODES,
  PODS,
  ROLE_BINDINGS,
  ROLES,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICES,
  type Resource,
} from "../kube/resources.ts";
import type { ObjectStore } from "../kube/store.ts";
import type { Timing } from "../common/timing.ts";
import { HTTP_ROUTES, type HttpRoute } from "./apps/http-route.ts";
import { referencesOf } from "./apps/references.ts";
import { buildTemplate } from "./apps/template.ts";
import { MANAGED_BY, WASM_APPS, WASM_REPLICAS, WASM_RUNTIMES, type WasmAppObject } from "./objects.ts";
import { OptionalWatch } from "./optional-watch.ts";

/** The label of a runtime's pods that names it. */
export const RUNTIME_LABEL = "wasmlet.dev/runtime";

/** Selects what the operator made. */
export const OURS = `app.kubernetes.io/managed-by=${MANAGED_BY}`;

/** How the cluster is watched. */
export interface ClusterStateOptions {
  client: Pick<KubeClient, "list" | "watch">;
  /** Wasmlet's own namespace, where the runtimes' pods are. */
  namespace: string;
  onError?: (resource: string, thrown: unknown, retryAfterMs: number) => void;
  timing?: Timing;
}

/** Everything that the operator knows of the cluster: a store per kind, each kept equal to the API server. */
export class ClusterState {
  readonly apps;
  readonly replicas;
  readonly runtimes;
  readonly nodes;
  readonly pods;
  readonly services;
  /** The one kind of another project: a cluster may be without it. */
  readonly httpRoutes: OptionalWatch<HttpRoute>;
  readonly slices;
  readonly roles;
  readonly roleBindings;
  readonly revisions;
  readonly daemonSets;
  readonly accounts;
  readonly secrets;
  readonly configMaps;
  readonly #informers: Informer<KubeObject>[] = [];
  readonly #stores = new Map<string, ObjectStore<KubeObject>>();
  readonly #options: ClusterStateOptions;

  constructor(options: ClusterStateOptions) {
    this.#options = options;
    const { namespace } = options;
    const ours = { labelSelector: OURS };
    const byApp = { app: appKeys };
    this.apps = this.#watch(WASM_APPS, {}, { runtime: (app) => [runtimeNameOf(app)], reference: referenceKeys });
    this.replicas = this.#watch(
      WASM_REPLICAS,
      {},
      {
        ...byApp,
        node: ({ spec }) => [spec.nodeName],
        seat: ({ spec }) => [seatOf(spec.runtimeName, spec.nodeName)],
      },
    );
    this.runtimes = this.#watch(WASM_RUNTIMES, {}, {});
    this.nodes = this.#watch(NODES, {}, {});
    this.pods = this.#watch(
      PODS,
      { namespace, labelSelector: RUNTIME_LABEL },
      {
        node: ({ spec }) => (spec?.nodeName === undefined ? [] : [spec.nodeName]),
      },
    );
    this.services = this.#watch(SERVICES, {}, {});
    this.httpRoutes = new OptionalWatch(this.#informerOptions(HTTP_ROUTES, {}, {}));
    this.#stores.set(HTTP_ROUTES.plural, this.httpRoutes.store as unknown as ObjectStore<KubeObject>);
    this.slices = this.#watch(ENDPOINT_SLICES, ours, byApp);
    this.roles = this.#watch(ROLES, ours, byApp);
    this.roleBindings = this.#watch(ROLE_BINDINGS, ours, byApp);
    this.revisions = this.#watch(CONTROLLER_REVISIONS, ours, byApp);
    this.daemonSets = this.#watch(DAEMON_SETS, { namespace, ...ours }, {});
    this.accounts = this.#watch(SERVICE_ACCOUNTS, { namespace, ...ours }, {});
    // Contents of Secrets are none of our business: their versions are enough.
    this.secrets = this.#watch(metadataOf(SECRETS), {}, {});
    this.configMaps = this.#watch(metadataOf(CONFIG_MAPS), {}, {});
  }

  /** Begins to watch; resolves when everything is known, however long that takes. */
  async start(): Promise<void> {
    for (const informer of this.#informers) informer.start();
    this.httpRoutes.start();
    await Promise.all([...this.#informers.map((informer) => informer.whenSynced()), this.httpRoutes.whenKnown()]);
  }

  get isSynced(): boolean {
    return this.httpRoutes.isKnown && this.#informers.every((informer) => informer.isSynced);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#informers, this.httpRoutes].map((informer) => informer.stop()));
  }

  /** Returns the store of a kind; undefined for one that is not watched. */
  storeOf<T extends KubeObject>(resource: Resource<T>): ObjectStore<T> | undefined {
    return this.#stores.get(resource.plural) as unknown as ObjectStore<T> | undefined;
  }

  #watch<T extends KubeObject>(
    resource: Resource<T>,
    selection: { namespace?: string; labelSelector?: string },
    indices: Record<string, (object: T) => Iterable<string>>,
  ): ObjectStore<T> {
    const informer = new Informer(this.#informerOptions(resource, selection, indices));
    this.#informers.push(informer as unknown as Informer<KubeObject>);
    this.#stores.set(resource.plural, informer.store as unknown as ObjectStore<KubeObject>);
    return informer.store;
  }

  #informerOptions<T extends KubeObject>(
    resource: Resource<T>,
    selection: { namespace?: string; labelSelector?: string },
    indices: Record<string, (object: T) => Iterable<string>>,
  ): InformerOptions<T> {
    const { client, onError, timing } = this.#options;
    return {
      client,
      resource,
      indices,
      ...selection,
      ...(timing !== undefined && { timing }),
      onError: (thrown, retryAfterMs) => onError?.(resource.plural, thrown, retryAfterMs),
    };
  }
}

/** Returns the name of the pool that an app asks for. */
export function runtimeNameOf({ spec }: WasmAppObject): string {
  return spec.placement?.runtimeRef?.name ?? DEFAULT_RUNTIME;
}

/** Returns the key of a pool's share of a node in the index of replicas. */
export function seatOf(runtimeName: string, nodeName: string): string {
  return `${runtimeName} ${nodeName}`;
}

/** Returns the key of a Secret or ConfigMap in the index of apps that refer to it. */
export function referenceKey(kind: string, namespace: string | undefined, name: string): string {
  return `${kind} ${namespace ?? ""}/${name}`;
}

function referenceKeys(app: WasmAppObject): string[] {
  return referencesOf(buildTemplate(app)).map(({ kind, name }) => referenceKey(kind, app.metadata.namespace, name));
}

/** Returns the key of the app that an object belongs to, by its label. */
export function appKeys({ metadata }: KubeObject): string[] {
  const name = metadata.labels?.[APP_LABEL];
  return name === undefined ? [] : [keyOf({ namespace: metadata.namespace, name })];
}
