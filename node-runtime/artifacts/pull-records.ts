import { createHash, createHmac, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { listOf, text } from "../../common/shapes.ts";
import type { Reference } from "../../oci/reference.ts";
import type { Credentials, CredentialSource } from "../../oci/registry/credentials.ts";

/** Artifacts that are remembered; beyond, the whole memory begins anew, and registries are asked again. */
const MAX_RECORDS = 10_000;
/** Credentials of one artifact; the oldest go first. */
const MAX_CREDENTIALS = 64;
/** Manifests, layers and signatures of one artifact; the oldest go first. */
const MAX_DIGESTS = 2048;

const PullRecord = v.object({
  repository: text(1024),
  digest: text(256),
  /** Whether it was let out to somebody who said nothing of who they are. */
  anonymous: v.boolean(),
  salt: text(64),
  /** Whom it was let out to: a registry or its mirror, and a keyed hash of what it knew them by. */
  credentials: listOf(v.object({ registry: text(512), hash: text(64) }), MAX_CREDENTIALS),
  /** Everything that came with it out of its repository, and the artifact itself. */
  digests: v.optional(listOf(text(256), MAX_DIGESTS), []),
});
type PullRecord = v.InferOutput<typeof PullRecord>;

/** Credentials that a registry was shown. */
export interface ShownCredentials {
  registry: string;
  credentials: Credentials;
}

/**
 * Whom registries have let have an artifact, one file each: what is on this node is started for them, and for others only
 * when the registry says so (Kubernetes: KubeletEnsureSecretPulledImages). Files are replaced, never written to.
 */
export class PullRecords {
  readonly #directory: string;
  readonly #makeTemporary: () => string;

  constructor(directory: string, makeTemporary: () => string) {
    this.#directory = directory;
    this.#makeTemporary = makeTemporary;
  }

  /** True when whoever has these credentials was let have the artifact before, or anybody was. */
  async allows(reference: Reference, digest: string, source: CredentialSource): Promise<boolean> {
    const record = this.#find(reference, digest);
    if (record === undefined || record.anonymous) return record?.anonymous ?? false;
    const { salt } = record;
    for (const { registry, hash } of record.credentials) {
      const own = await source(registry, reference.repository);
      if (own !== undefined && hashOf(own, salt) === hash) return true;
    }
    return false;
  }

  /** Returns what came with an artifact out of its repository, for whomever it was: nothing where it never came. */
  digestsOf(reference: Reference, digest: string): string[] {
    return this.#find(reference, digest)?.digests ?? [];
  }

  /**
   * Remembers that a registry let these have the artifact, and what came with it; nobody shown means that it lets anybody.
   */
  note(reference: Reference, digest: string, shown: readonly ShownCredentials[], digests: readonly string[]): void {
    const known = this.#find(reference, digest);
    const { salt, anonymous, credentials } = known ?? {
      salt: randomBytes(16).toString("hex"),
      anonymous: false,
      credentials: [],
    };
    const all = new Set([...(known?.digests ?? []), ...digests]);
    const added = shown
      .map(({ registry, credentials: own }) => ({ registry, hash: hashOf(own, salt) }))
      .filter(({ registry, hash }) => !credentials.some((one) => one.registry === registry && one.hash === hash));
    const isPublic = anonymous || shown.length === 0;
    const isKnown = all.size === known?.digests.length && added.length === 0 && isPublic === anonymous;
    if (isKnown) return;
    this.#write({
      repository: repositoryOf(reference),
      digest,
      anonymous: isPublic,
      salt,
      credentials: [...credentials, ...added].slice(-MAX_CREDENTIALS),
      digests: [...all].slice(-MAX_DIGESTS),
    });
  }

  #write(record: PullRecord): void {
    const names = readdirSync(this.#directory);
    if (names.length >= MAX_RECORDS) for (const name of names) rmSync(join(this.#directory, name), { force: true });
    const temporary = this.#makeTemporary();
    writeFileSync(temporary, JSON.stringify(record), { flush: true, mode: 0o600 });
    renameSync(temporary, this.#fileOf(record.repository, record.digest));
  }

  #find(reference: Reference, digest: string): PullRecord | undefined {
    const repository = repositoryOf(reference);
    try {
      const record = readRecord(readFileSync(this.#fileOf(repository, digest), "utf8"));
      return record?.repository === repository && record.digest === digest ? record : undefined;
    } catch {
      return undefined; // nobody's yet
    }
  }

  #fileOf(repository: string, digest: string): string {
    return join(this.#directory, createHash("sha256").update(`${repository}@${digest}`).digest("hex"));
  }
}

/** Returns undefined for what is damaged: the registry is asked. */
function readRecord(json: string): PullRecord | undefined {
  try {
    const { success, output } = v.safeParse(PullRecord, JSON.parse(json));
    return success ? output : undefined;
  } catch {
    return undefined;
  }
}

function repositoryOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** Says whether two are the same, and nothing else: they cannot be read out of it. */
function hashOf(credentials: Credentials, salt: string): string {
  const parts =
    credentials.kind === "password"
      ? [credentials.kind, credentials.username, credentials.password.reveal()]
      : [credentials.kind, credentials.token.reveal()];
  return createHmac("sha256", salt).update(JSON.stringify(parts)).digest("hex");
}
