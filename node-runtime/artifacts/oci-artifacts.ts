import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { WasmletError } from "../../common/errors.ts";
import { readDockerConfig } from "../../oci/docker-config/config-file.ts";
import { credentialsOfSecrets } from "../../oci/docker-config/credential-source.ts";
import {
  contentBlobs,
  findArtifact,
  type ArtifactRegistry,
  type FoundArtifact,
  type PullContext,
} from "../../oci/pull.ts";
import { ruleFor, type Policy } from "../../oci/policy/policy.ts";
import { parseReference, type Reference } from "../../oci/reference.ts";
import { RegistryClient, type RegistryOptions } from "../../oci/registry/client.ts";
import type { CredentialSource } from "../../oci/registry/credentials.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { approveArtifact } from "./approval.ts";
import { readPrograms, releaseSoon, type ArtifactPrograms } from "./artifact-programs.ts";
import { AskedRegistry } from "./asked-registry.ts";
import { BlobFiles } from "./blob-files.ts";
import { defaultPolicy, isAway, NOBODY, pulledByOthers, type PullPolicy } from "./pull-policy.ts";
import { PullRecords } from "./pull-records.ts";
import { RepositoryBlobs } from "./repository-blobs.ts";
import { ServedBlobs } from "./served-blobs.ts";
import { StartedApps } from "./started-apps.ts";
import { Tags } from "./tags.ts";

/** An artifact that is wanted from a registry. */
export interface OciRequest {
  image: string;
  /** Left out, it is Always for the tag `latest` or no tag, and IfNotPresent otherwise. */
  policy?: PullPolicy | undefined;
  /** Contents of `.dockerconfigjson` in pull secrets, in order. */
  secrets?: readonly Uint8Array[];
  /** The app that is started, by which it is known after a restart. */
  app?: string;
  /** Called as blobs come. */
  onProgress?: PullContext["onProgress"];
}

/** Programs that are in the store and stay there until they are released. */
export interface HeldPrograms extends ArtifactPrograms {
  /** The artifact that they came in. */
  artifact: FoundArtifact;
  release: () => void;
  /** What the user should know: that the registry could not be asked. */
  warning?: string;
}

/** What pulls of the same artifact share. */
interface PulledPrograms {
  held: Omit<HeldPrograms, "release">;
  /** Everything that has to stay for the programs to be read again without the registry. */
  digests: string[];
}

/** How registries are reached, and what of them is run. */
export interface RegistrySettings extends RegistryOptions {
  /** Without it every artifact is. */
  policy?: Policy;
}

/** Brings artifacts from registries into the store. What several apps want at the same time comes once. */
export class OciArtifacts {
  readonly #store: ArtifactStore;
  readonly #blobs: BlobFiles;
  readonly #tags: Tags;
  readonly #started: StartedApps;
  readonly #records: PullRecords;
  readonly #served: ServedBlobs;
  readonly #client: RegistryClient;
  readonly #userCredentials: CredentialSource | undefined;
  readonly #policy: Policy | undefined;
  readonly #flights = new Map<string, Promise<void>>();
  readonly #pulls = new Map<string, Promise<PulledPrograms>>();

  /** The settings' credentials are asked where an app's pull secrets have none. */
  constructor(
    store: ArtifactStore,
    client: RegistryClient,
    { credentials, policy }: Pick<RegistrySettings, "credentials" | "policy"> = {},
  ) {
    this.#store = store;
    this.#blobs = new BlobFiles(store);
    this.#tags = new Tags(store.tagsDirectory, () => store.makeTemporary());
    this.#started = new StartedApps(store.startedDirectory, () => store.makeTemporary());
    this.#records = new PullRecords(store.pulledDirectory, () => store.makeTemporary());
    this.#served = new ServedBlobs(store.servedDirectory, (digest) => this.#blobs.has(digest));
    this.#client = client;
    this.#userCredentials = credentials;
    this.#policy = policy;
  }

  /**
   * Returns the programs of an artifact, held in the store. Throws OCI_* errors, and ARTIFACT_MISSING where the policy does
   * not let a registry be asked. The same artifact wanted by several at once is brought once.
   */
  async obtain(request: OciRequest, signal?: AbortSignal): Promise<HeldPrograms> {
    signal?.throwIfAborted();
    const { app, image } = request;
    try {
      const program = await this.#share(request, signal);
      if (app !== undefined) this.#started.note(app, image);
      return program;
    } catch (thrown) {
      const isRestart = app !== undefined && this.#started.has(app, image);
      if (!(thrown instanceof WasmletError) || !isAway(thrown) || !isRestart) throw thrown;
      // It was running when the runtime ended: with the registry away it goes on with what it ran.
      const program = await this.#share({ ...request, policy: "Never" }, signal).catch(() => Promise.reject(thrown));
      return { ...program, warning: `${thrown.code}: ${thrown.message}; ${image} starts as it is on this node` };
    }
  }

  /** Forgets an app that is taken off this node. */
  forgetApp(app: string): void {
    this.#started.forget(app);
  }

  async #share(request: OciRequest, signal: AbortSignal | undefined): Promise<HeldPrograms> {
    const key = keyOf(request);
    // It goes on when this app goes: others may wait for it, and every wait in it has an end.
    const pull = this.#pulls.get(key) ?? this.#pull(request).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    const { held, digests } = await raceAbort(pull, signal);
    return { ...held, release: this.#store.holdDigests(digests) };
  }

  /** Finds out what an artifact is, without its layers. Throws like `obtain`. */
  async find(request: OciRequest): Promise<FoundArtifact> {
    return (await this.#find(parseReference(request.image), request)).artifact;
  }

  async #find(reference: Reference, request: OciRequest): Promise<{ artifact: FoundArtifact; context: PullContext }> {
    const { client, pin, confirmed } = await this.#pin(reference, request);
    const { onProgress } = request;
    const blobs = new RepositoryBlobs(this.#blobs, { reference, client, served: this.#served, confirmed });
    const context = { client, blobs, flights: this.#flights, ...(onProgress && { onProgress }) };
    if (pin === undefined) return { artifact: await findArtifact(reference, context), context };
    try {
      return { artifact: await findArtifact({ ...reference, digest: pin }, context), context };
    } catch (thrown) {
      // What the tag led to before is gone, here and there: then it is what the tag leads to now.
      const isGone = thrown instanceof WasmletError && thrown.code === "OCI_NOT_FOUND";
      if (!isGone || reference.digest !== undefined) throw thrown;
      return { artifact: await findArtifact(reference, context), context };
    }
  }

  async #pull(request: OciRequest): Promise<PulledPrograms> {
    const reference = parseReference(request.image);
    // A repository that is not allowed is not even asked.
    const rule = this.#policy === undefined ? undefined : ruleFor(this.#policy, reference);
    const { artifact, context } = await this.#find(reference, request);
    const { digest, manifestDigest, manifest } = artifact;
    const digests = [
      ...(rule === undefined ? [] : await approveArtifact(rule, artifact, context, this.#tags)),

      digest,
      manifestDigest,
      manifest.config.digest,
      ...contentBlobs(artifact).map((blob) => blob.digest),
    ];
    const release = this.#store.holdDigests(digests);
    try {
      const read = await readPrograms(artifact, context, this.#store);
      if (reference.digest === undefined) this.#tags.note(reference, digest);
      const shown = context.client instanceof AskedRegistry ? context.client.shown : undefined;
      if (shown !== undefined) this.#records.note(reference, digest, shown, digests);
      return {
        held: { ...read, artifact },
        digests: [...digests, ...read.programs.map((program) => program.digest)],
      };
    } finally {
      releaseSoon(release);
    }
  }

  /** Decides by the policy which digest is meant, who may be asked for it, and what the repository is known to have. */
  async #pin(
    reference: Reference,
    { policy = defaultPolicy(reference), secrets = [] }: OciRequest,
  ): Promise<{ client: ArtifactRegistry; pin: string | undefined; confirmed: string[] }> {
    const known = reference.digest ?? this.#tags.find(reference);
    const source = this.#credentialsOf(secrets);
    const confirmed = (digest: string): string[] => this.#records.digestsOf(reference, digest);
    const isAllowed = known !== undefined && (await this.#records.allows(reference, known, source));
    const isHere = known !== undefined && this.#blobs.has(known);
    if (policy === "Never") {
      if (isHere && !isAllowed) throw pulledByOthers(reference);
      return { client: NOBODY, pin: known, confirmed: isAllowed ? confirmed(known) : [] };
    }
    const client = new AskedRegistry(this.#client, source);
    if (policy === "Always" && reference.digest === undefined && known !== undefined) {
      const pin = await client.resolve(reference);
      return { client, pin, confirmed: confirmed(pin) };
    }
    if (isHere && !isAllowed) await client.check({ ...reference, digest: known });
    // What is not here is open: the registry decides when it is asked for it.
    return { client, pin: known, confirmed: isHere || isAllowed ? confirmed(known) : [] };
  }

  #credentialsOf(secrets: readonly Uint8Array[]): CredentialSource {
    const configs = secrets.map((bytes, index) => readDockerConfig(bytes, `pull secret ${index + 1}`));
    const ofSecrets = credentialsOfSecrets(configs);
    return async (registry, repository) =>
      (await ofSecrets(registry, repository)) ?? this.#userCredentials?.(registry, repository);
  }
}

/** Calls `use` with artifacts of these registries in a store, and ends the connections afterwards. */
export async function withArtifacts<Result>(
  store: ArtifactStore,
  { credentials, policy, ...registries }: RegistrySettings,
  use: (artifacts: OciArtifacts) => Promise<Result>,
): Promise<Result> {
  const client = RegistryClient.create(registries);
  const settings = { ...(credentials && { credentials }), ...(policy && { policy }) };
  return use(new OciArtifacts(store, client, settings)).finally(async () => {
    await client.close();
    // What `releaseSoon` is to let go of: the process may be about to end.
    await nextTurn();
  });
}

/** Requests with the same key are one: their secrets are the same too. */
function keyOf({ image, policy, secrets = [] }: OciRequest): string {
  const hash = createHash("sha256");
  for (const secret of secrets) hash.update(createHash("sha256").update(secret).digest());
  return `${image} ${policy} ${hash.digest("hex")}`;
}

/** Settles as the promise does, or rejects when aborted before. */
function raceAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", abort));
}
