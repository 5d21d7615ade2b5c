import { SYSTEM_TIMING, type Timing } from "../common/timing.ts";
import type { KubeClient } from "./client.ts";
import { LeaseLock } from "./lease-lock.ts";
import type { ObjectRef } from "./objects.ts";

export interface LeaderElectionOptions {
  client: Pick<KubeClient, "get" | "create" | "replace">;
  lease: ObjectRef;
  /** Names this process and no other: the pod's name and something random. */
  identity: string;
  /** Called when we begin to lead; the signal is aborted when we no longer do. */
  onStarted: (signal: AbortSignal) => void;
  /** Called when we no longer lead. Resolves when the work has ended: only then the lease is given away. */
  onStopped: () => void | Promise<void>;
  /** Told who leads while we do not, once for each. */
  onFollowing?: (leader: string) => void;
  /** Told of requests that failed: it goes on trying. */
  onError?: (thrown: unknown) => void;
  /** How long others wait after they last saw a renewal. */
  leaseDurationMs?: number;
  /** How long we lead after our last renewal; less than `leaseDurationMs`. */
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
  timing?: Timing;
}

/** Callbacks that may be left out. */
type Told = "onFollowing" | "onError";

const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_PERIOD_MS = 2000;
/** Those who wait try at different times. */
const JITTER = 1.2;

/**
 * Sees to it that one process of several leads, by a Lease, as client-go's `leaderelection` does. Who has lost the lead
 * tries to get it again.
 */
export class LeaderElection {
  readonly #options: Required<Omit<LeaderElectionOptions, Told>> & Pick<LeaderElectionOptions, Told>;
  readonly #lock: LeaseLock;
  readonly #stopping = new AbortController();
  /** From when the last renewal counts; undefined while we do not lead. */
  #heldSinceMs: number | undefined;
  /** Whom we said that we follow; undefined while we lead, or know of nobody. */
  #followed: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = {
      leaseDurationMs: LEASE_DURATION_MS,
      renewDeadlineMs: RENEW_DEADLINE_MS,
      retryPeriodMs: RETRY_PERIOD_MS,
      timing: SYSTEM_TIMING,
      ...options,
    };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= JITTER * retryPeriodMs) {
      throw new RangeError("a lease must outlast its renewal's deadline, and that several tries");
    }
    this.#lock = new LeaseLock(this.#options);
  }

  /** True while nobody else can lead: by the clock, also when no timer had its turn for a while. */
  get isLeader(): boolean {
    return this.#remainingMs > 0;
  }

  /** Who led when we last looked. */
  get leader(): string | undefined {
    return this.#lock.holder;
  }

  /** How often the lead has gone from one to another. */
  get transitions(): number {
    return this.#lock.transitions;
  }

  /** Begins; does not wait for anything. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops leading, waits until the work has ended, and gives the lease away. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the election stops"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { retryPeriodMs, timing } = this.#options;
    while (!this.#isStopping) {
      if (await this.#tryHold(this.#options.renewDeadlineMs)) await this.#lead();
      this.#tellWhoLeads();
      await this.#delay(retryPeriodMs * (1 + JITTER * timing.random()));
    }
  }

  #tellWhoLeads(): void {
    const { leader } = this;
    const followed = leader === this.#options.identity ? undefined : leader;
    if (followed !== undefined && followed !== this.#followed) this.#options.onFollowing?.(followed);
    this.#followed = followed;
  }

  async #lead(): Promise<void> {
    const leading = new AbortController();
    this.#options.onStarted(leading.signal);
    await this.#renewWhilePossible();
    leading.abort(new Error("another one may lead now"));
    await this.#options.onStopped();
    // Work that took longer than the lease has nothing to give away.
    if (this.isLeader) await this.#release();
    this.#heldSinceMs = undefined;
  }

  /** Resolves when we stop, when somebody else holds the lease, or when the deadline has passed without a renewal. */
  async #renewWhilePossible(): Promise<void> {
    while (!this.#isStopping && this.isLeader) {
      await this.#delay(Math.min(this.#options.retryPeriodMs, this.#remainingMs));
      if (this.#isStopping || !this.isLeader) return;
      const isHeld = await this.#tryHold(this.#remainingMs);
      if (isHeld === false) {
        this.#heldSinceMs = undefined;
        return;
      }
    }
  }

  /** Returns whether we hold the lease now; undefined when that could not be found out in time. */
  async #tryHold(timeoutMs: number): Promise<boolean | undefined> {
    const attempt = new AbortController();
    const sentMs = this.#options.timing.now();
    const timeout = this.#wait(timeoutMs, attempt.signal).then(() => attempt.abort(new Error("no answer in time")));
    const abort = (): void => attempt.abort(this.#stopping.signal.reason);
    this.#stopping.signal.addEventListener("abort", abort, { once: true });
    try {
      const isHeld = await this.#lock.tryHold(attempt.signal);
      if (isHeld) this.#heldSinceMs = sentMs;
      return isHeld;
    } catch (thrown) {
      if (!this.#isStopping) this.#options.onError?.(thrown);
      return undefined;
    } finally {
      this.#stopping.signal.removeEventListener("abort", abort);
      attempt.abort();
      await timeout;
    }
  }

  async #release(): Promise<void> {
    const attempt = new AbortController();
    const timeout = this.#wait(this.#remainingMs, attempt.signal).then(() => attempt.abort());
    try {
      await this.#lock.release(attempt.signal);
    } catch (thrown) {
      this.#options.onError?.(thrown); // it expires by itself
    } finally {
      attempt.abort();
      await timeout;
    }
  }

  get #remainingMs(): number {
    if (this.#heldSinceMs === undefined) return 0;
    return Math.max(0, this.#heldSinceMs + this.#options.renewDeadlineMs - this.#options.timing.now());
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  #delay(milliseconds: number): Promise<void> {
    return this.#wait(milliseconds, this.#stopping.signal);
  }

  /** Resolves after a time, or when aborted. */
  #wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return this.#options.timing.delay(milliseconds, signal).catch(() => {});
  }
}
