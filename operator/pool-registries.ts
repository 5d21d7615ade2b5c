import { WasmletError } from "../common/errors.ts";
import type { ConfigMap } from "../kube/resources.ts";
import { RegistryClient, type RegistryOptions } from "../oci/registry/client.ts";
import type { WasmRuntime } from "./objects.ts";

/** What registries are reached with, beside what the pools say. */
export interface PoolRegistriesOptions {
  registries: Omit<RegistryOptions, "credentials">;
  runtimeOf: (name: string) => WasmRuntime | undefined;
  /** Reads a ConfigMap in Wasmlet's own namespace. */
  readConfigMap: (name: string) => Promise<ConfigMap | undefined>;
}

/** How the registries of a pool are reached, and who does it. */
interface PoolClient {
  settings: string;
  client: RegistryClient;
}

/** A cluster has few pools; those that were asked for last are kept. */
const MAX_CLIENTS = 16;

/** Reaches registries as the nodes of a pool do: what a node can pull, the operator can look up. */
export class PoolRegistries {
  readonly #options: PoolRegistriesOptions;
  readonly #clients = new Map<string, PoolClient>();

  constructor(options: PoolRegistriesOptions) {
    this.#options = options;
  }

  /** Returns the client of a pool as the pool is now. Throws APP_REFERENCE_MISSING when its certificates are not there. */
  async of(runtimeName: string): Promise<RegistryClient> {
    const { plainHttpRegistries: plainHttp = [], registryCA } = this.#options.runtimeOf(runtimeName)?.spec ?? {};
    const ca = registryCA === undefined ? [] : [await this.#certificates(runtimeName, registryCA)];
    const settings = JSON.stringify([plainHttp, ca]);
    const known = this.#clients.get(runtimeName);
    this.#clients.delete(runtimeName);
    if (known?.settings === settings) {
      this.#clients.set(runtimeName, known);
      return known.client;
    }
    const { registries } = this.#options;
    const client = RegistryClient.create({
      ...registries,
      plainHttp: [...(registries.plainHttp ?? []), ...plainHttp],
      ca: [...(registries.ca ?? []), ...ca],
    });
    this.#clients.set(runtimeName, { settings, client });
    // A lookup between two of its requests fails then, and is tried again.
    void known?.client.close();
    if (this.#clients.size > MAX_CLIENTS) {
      const [oldest, { client: unused }] = this.#clients.entries().next().value!;
      this.#clients.delete(oldest);
      void unused.close();
    }
    return client;
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(clients.map(({ client }) => client.close()));
  }

  async #certificates(runtime: string, { name, key }: { name: string; key: string }): Promise<string> {
    const found = (await this.#options.readConfigMap(name))?.data?.[key];
    if (found !== undefined) return found;
    throw new WasmletError("APP_REFERENCE_MISSING", `the ConfigMap ${name} has no key ${key}`, {
      where: `spec.registryCA of the WasmRuntime ${runtime}`,
      fix: "Create it in Wasmlet's own namespace, or correct spec.registryCA of the WasmRuntime.",
    });
  }
}
