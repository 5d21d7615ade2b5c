/**
 * A lock that is a Lease: who holds it renews it, and who finds it not renewed for its duration takes it.
 *
 * No date in it is compared with a clock of ours: machines disagree about the time. Everybody measures, by their own clock
 * that only goes forward, how long ago they *saw* it change. A holder counts from before it sent its renewal, so it gives up
 * before anybody else can begin to hold.
 */
import type { Timing } from "../common/timing.ts";
import type { KubeClient } from "./client.ts";
import { isKubeError } from "./kube-error.ts";
import { microTime, type ObjectRef } from "./objects.ts";
import { LEASES, type Lease } from "./resources.ts";

type LeaseSpec = NonNullable<Lease["spec"]>;

export interface LeaseLockOptions {
  client: Pick<KubeClient, "get" | "create" | "replace">;
  lease: ObjectRef;
  /** Names one process: two that have the same would both think that they hold it. */
  identity: string;
  leaseDurationMs: number;
  timing: Timing;
}

export class LeaseLock {
  readonly #options: LeaseLockOptions;
  /** The lease as it was last seen, and when its holder or a renewal was first seen, by our clock. */
  #seen: { lease: Lease; sinceMs: number } | undefined;

  constructor(options: LeaseLockOptions) {
    this.#options = options;
  }

  /** Who held it when it was last seen; undefined when nobody did. */
  get holder(): string | undefined {
    return this.#seen?.lease.spec?.holderIdentity || undefined;
  }

  /** How often it went from one holder to another. */
  get transitions(): number {
    return this.#seen?.lease.spec?.leaseTransitions ?? 0;
  }

  /** Takes or renews it; false while somebody else holds it. Throws KUBE_* errors, then nothing is known. */
  async tryHold(signal: AbortSignal): Promise<boolean> {
    // Who holds it need not read it first: the version tells whether anybody else wrote.
    if (this.holder === this.#options.identity && (await this.#write(signal))) return true;
    const lease = await this.#options.client.get(LEASES, this.#options.lease, { signal });
    if (lease === undefined) return this.#create(signal);
    this.#note(lease);
    return this.#isFree() && (await this.#write(signal));
  }

  /** Gives it away, so that the next need not wait until it expires; does nothing when it is not ours. */
  async release(signal: AbortSignal): Promise<void> {
    const { client, lease } = this.#options;
    if (await this.#tryRelease(signal)) return;
    // A renewal whose answer we did not wait for may have gone through: then it is still ours, in another version.
    const current = await client.get(LEASES, lease, { signal });
    if (current !== undefined) this.#note(current);
    await this.#tryRelease(signal);
  }

  async #tryRelease(signal: AbortSignal): Promise<boolean> {
    const { client, identity, timing } = this.#options;
    if (this.#seen === undefined || this.holder !== identity) return true;
    const { lease } = this.#seen;
    const now = microTime(timing.date());
    const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    return this.#unlessConflict(client.replace(LEASES, { ...lease, spec }, { signal }));
  }

  #isFree(): boolean {
    const { identity, leaseDurationMs, timing } = this.#options;
    if (this.holder === undefined || this.holder === identity) return true;
    const seconds = this.#seen?.lease.spec?.leaseDurationSeconds;
    const lifeMs = seconds === undefined ? leaseDurationMs : seconds * 1000;
    return timing.now() - this.#seen!.sinceMs > lifeMs;
  }

  async #create(signal: AbortSignal): Promise<boolean> {
    const { client, lease } = this.#options;
    const object = { apiVersion: LEASES.apiVersion, kind: LEASES.kind, metadata: { ...lease }, spec: this.#held({}) };
    return this.#unlessConflict(client.create(LEASES, object as Lease, { signal }));
  }

  #write(signal: AbortSignal): Promise<boolean> {
    const { lease } = this.#seen!;
    const object = { ...lease, spec: this.#held(lease.spec ?? {}) };
    return this.#unlessConflict(this.#options.client.replace(LEASES, object, { signal }));
  }

  async #unlessConflict(written: Promise<Lease>): Promise<boolean> {
    try {
      this.#note(await written);
      return true;
    } catch (thrown) {
      if (isKubeError(thrown, "KUBE_CONFLICT", "KUBE_NOT_FOUND")) return false;
      throw thrown;
    }
  }

  #held(before: LeaseSpec): LeaseSpec {
    const { identity, leaseDurationMs, timing } = this.#options;
    const now = microTime(timing.date());
    const isOurs = before.holderIdentity === identity;
    return {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      renewTime: now,
      acquireTime: isOurs ? (before.acquireTime ?? now) : now,
      leaseTransitions: (before.leaseTransitions ?? -1) + (isOurs ? 0 : 1),
    };
  }

  #note(lease: Lease): void {
    if (this.#seen?.lease.metadata.resourceVersion === lease.metadata.resourceVersion) return;
    this.#seen = { lease, sinceMs: this.#options.timing.now() };
  }
}
