import type { WasiHost } from "../../wasi/host.ts";
import { EPOCH_SLOTS } from "../epoch.ts";
import type { EpochSlot } from "../epoch-slots.ts";

/**
 * The calls into one instance. jco's code runs its guest some steps after a call or a wait, and shows nobody when: so the
 * guest has an epoch word of its own, with the deadline of the call that is under way. What it does between calls has none.
 */
export class GuestCalls {
  readonly #scope: WasiHost["scope"];
  readonly #activity: WasiHost["activity"];
  readonly #slot: EpochSlot = EPOCH_SLOTS.take();
  #stopCall: ((reason: unknown) => void) | undefined;

  constructor({ scope, activity }: Pick<WasiHost, "scope" | "activity">) {
    this.#scope = scope;
    this.#activity = activity;
    scope.defer(() => this.#slot.release());
  }

  /** The address of the word that the guest checks, in the epoch's memory. */
  get epochWord(): number {
    return this.#slot.address;
  }

  /** Makes the instance: its start functions have the deadline of what it is made for. */
  async start<T>(make: () => T | Promise<T>): Promise<T> {
    this.#slot.arm(this.#activity.deadlineMs);
    try {
      return await make();
    } finally {
      this.#slot.disarm();
    }
  }

  /**
   * Makes a call. One whose wait the host rejects never settles in jco 1.35's glue (it returns a completion that nobody
   * completes): so each ends with its host's scope at the latest, and with a trap of any task.
   */
  async call<T>(run: () => Promise<T>): Promise<T> {
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    this.#stopCall = reject;
    this.expect();
    try {
      return await Promise.race([this.#scope.guard(run()), stopped]);
    } finally {
      this.#slot.disarm();
      this.#stopCall = undefined;
    }
  }

  /** The guest may run from here on: what is left of its call's time counts. */
  expect(): void {
    if (this.#stopCall !== undefined && !this.#slot.isStopped) this.#slot.arm(this.#activity.deadlineMs);
    this.#activity.expect();
  }

  /** It waits, which takes none of its CPU time. */
  suspend(): void {
    if (this.#stopCall !== undefined && !this.#slot.isStopped) this.#slot.arm(this.#activity.waitDeadlineMs);
    this.#activity.suspend();
  }

  /**
   * A task of the guest's trapped, maybe after the call that started it was answered. One that was stopped ends the call,
   * whose maker knows why; any other ends all that the host has open for it.
   */
  trapped(reason: unknown): void {
    if (this.#stopCall !== undefined && this.#slot.isStopped) this.#stopCall(reason);
    else this.#scope.fail(reason);
  }
}
