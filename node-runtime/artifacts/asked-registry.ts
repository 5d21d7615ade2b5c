import type { ArtifactRegistry } from "../../oci/pull.ts";
import type { Reference } from "../../oci/reference.ts";
import type { RegistryClient } from "../../oci/registry/client.ts";
import type { CredentialSource } from "../../oci/registry/credentials.ts";
import type { ShownCredentials } from "./pull-records.ts";

/** A registry as one app asks it, which notes whether it answered and what it was shown. */
export class AskedRegistry implements ArtifactRegistry {
  readonly #client: RegistryClient;
  readonly #shown = new Map<string, ShownCredentials>();
  #hasAnswered = false;

  constructor(client: RegistryClient, source: CredentialSource) {
    this.#client = client.withCredentials(async (registry, repository) => {
      const credentials = await source(registry, repository);
      if (credentials !== undefined) this.#shown.set(registry, { registry, credentials });
      return credentials;
    });
  }

  /** The credentials that were shown; undefined as long as it let us have nothing. */
  get shown(): ShownCredentials[] | undefined {
    return this.#hasAnswered ? [...this.#shown.values()] : undefined;
  }

  readonly manifest: ArtifactRegistry["manifest"] = (...args) => this.#noted(this.#client.manifest(...args));

  readonly blob: ArtifactRegistry["blob"] = (...args) => this.#noted(this.#client.blob(...args));

  readonly referrers: ArtifactRegistry["referrers"] = (...args) => this.#noted(this.#client.referrers(...args));

  readonly hasBlob: ArtifactRegistry["hasBlob"] = (...args) => this.#client.hasBlob(...args);

  /** Returns the digest that a tag leads to now. Throws OCI_* errors. */
  resolve(reference: Reference): Promise<string> {
    return this.#noted(this.#client.resolve(reference));
  }

  /** Succeeds when the registry lets us have what a digest names. Throws OCI_* errors. */
  check(reference: Reference): Promise<void> {
    return this.#noted(this.#client.check(reference));
  }

  async #noted<T>(answer: Promise<T>): Promise<T> {
    const value = await answer;
    this.#hasAnswered = true;
    return value;
  }
}
