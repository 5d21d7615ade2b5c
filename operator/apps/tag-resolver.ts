import { Backoff } from "../../common/backoff.ts";
import { messageOf, WasmletError } from "../../common/errors.ts";
import type { Timing } from "../../common/timing.ts";
import type { DockerConfig } from "../../oci/docker-config/config-file.ts";
import { credentialsOfSecrets } from "../../oci/docker-config/credential-source.ts";
import { formatReference, parseReference } from "../../oci/reference.ts";
import type { RegistryClient } from "../../oci/registry/client.ts";
import { keyOf } from "../../kube/objects.ts";
import type { WasmAppObject } from "../objects.ts";
import type { Resolution } from "./observed.ts";
import type { ResolveNeed } from "./plan.ts";

/** Lookups that are remembered; each is asked for again when it was forgotten. */
const MAX_ENTRIES = 20_000;
const FIRST_RETRY_MS = 5000;
const MAX_RETRY_MS = 300_000;
const TIMEOUT_MS = 60_000;

/** What helps on a cluster, where nobody logs in. */
const CLUSTER_FIXES: Readonly<Record<string, string>> = {
  OCI_NOT_FOUND:
    "Check the repository and the tag; if it is private, name a Secret in spec.source.oci.imagePullSecrets.",
  OCI_INSECURE:
    "Serve the registry over HTTPS, or, where the network is trusted, name it in spec.plainHttpRegistries of the WasmRuntime.",
  OCI_UNAUTHORIZED: "Name a Secret of type kubernetes.io/dockerconfigjson in spec.source.oci.imagePullSecrets.",
};

/** What a lookup works with. */
export interface TagResolverOptions {
  /** Returns who reaches registries as the nodes of the app's pool do. */
  registriesOf: (app: WasmAppObject) => Promise<Pick<RegistryClient, "withCredentials">>;
  /** Returns the docker configuration in a Secret of type kubernetes.io/dockerconfigjson. */
  readPullSecret: (namespace: string, name: string) => Promise<DockerConfig>;
  /** Called when a lookup ended, well or not. */
  onResolved: (appKey: string) => void;
  timing: Timing;
}

interface Entry {
  resolution?: Resolution;
  backoff: Backoff;
  isRunning: boolean;
  retryAtMs: number;
}

/** Looks up where tags lead: once per app and revision, again after a while where that failed. */
export class TagResolver {
  readonly #options: TagResolverOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: TagResolverOptions) {
    this.#options = options;
  }

  /** Returns what is known; undefined before the first lookup ended. */
  resolutionOf(app: WasmAppObject, revision: string): Resolution | undefined {
    return this.#entries.get(entryKey(app, revision))?.resolution;
  }

  /** Begins a lookup unless one is under way or has to wait; returns when the next may begin, in milliseconds from now. */
  request(app: WasmAppObject, need: ResolveNeed): number | undefined {
    const key = entryKey(app, need.revision);
    const entry = this.#entries.get(key) ?? {
      backoff: new Backoff(FIRST_RETRY_MS, MAX_RETRY_MS),
      isRunning: false,
      retryAtMs: 0,
    };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!);
    if (entry.isRunning) return undefined;
    const waitMs = entry.retryAtMs - this.#options.timing.now();
    if (waitMs > 0) return waitMs;
    entry.isRunning = true;
    void this.#resolve(app, need, entry);
    return undefined;
  }

  async #resolve(app: WasmAppObject, { image, pullSecrets }: ResolveNeed, entry: Entry): Promise<void> {
    try {
      const reference = parseReference(image);
      const { registriesOf, readPullSecret } = this.#options;
      const namespace = app.metadata.namespace ?? "";
      const configs = [];
      for (const name of pullSecrets) configs.push(await readPullSecret(namespace, name));
      const client = (await registriesOf(app)).withCredentials(credentialsOfSecrets(configs));
      const digest = await client.resolve(reference, AbortSignal.timeout(TIMEOUT_MS));
      const { registry, repository } = reference;
      entry.resolution = { image: formatReference({ registry, repository, digest }) };
    } catch (thrown) {
      const code = thrown instanceof WasmletError ? thrown.code : "OCI_UNREACHABLE";
      const fix = CLUSTER_FIXES[code] ?? (thrown instanceof WasmletError ? thrown.fix : "Check the registry.");
      entry.resolution = { failure: { code, message: `${image}: ${messageOf(thrown)}: ${fix}`, isTransient: true } };
      entry.retryAtMs = this.#options.timing.now() + entry.backoff.next();
    }
    entry.isRunning = false;
    this.#options.onResolved(keyOf(app.metadata));
  }
}

function entryKey({ metadata }: WasmAppObject, revision: string): string {
  return `${metadata.uid ?? ""} ${revision}`;
}
