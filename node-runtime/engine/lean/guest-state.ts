import type { PausableGuest, WasiHost } from "../../wasi/host.ts";
import type { WrittenPages } from "../write-marks.ts";
import { AbiTrap, trapUnless } from "./abi-trap.ts";
import { HandleTable } from "./handle-table.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** What an instance has of its host. */
type GuestHost = Pick<WasiHost, "imports" | "activity">;

/** What the canonical ABI keeps for one instance. */
export class GuestState implements PausableGuest {
  host: GuestHost;
  /** What it wrote to its memory, where its code marks that. */
  readonly written: WrittenPages | undefined;
  /** How long it runs, when that is to be known. */
  stopwatch: Stopwatch | undefined;
  handles = new HandleTable();
  /** Calls out so far: a guest that called the host while it was made may have got what another must not see. */
  callsOut = 0;
  /** False while the guest runs for the ABI's own sake (`realloc`, `post-return`): it may not call out then. */
  mayLeave = true;
  #inCall = false;
  #trap: { thrown: unknown } | undefined;

  constructor(host: GuestHost, written?: WrittenPages, stopwatch?: Stopwatch) {
    this.host = host;
    this.written = written;
    this.stopwatch = stopwatch;
  }

  /** True when no call is under way and none has trapped. */
  get isIdle(): boolean {
    return !this.#inCall && this.#trap === undefined;
  }

  /** Starts over for another owner: no handle of the last one is left. */
  renew(host: GuestHost, stopwatch: Stopwatch | undefined): void {
    this.host = host;
    this.stopwatch = stopwatch;
    this.handles = new HandleTable();
  }

  /** The guest runs from here on: its first time, or after it waited and others may have run. */
  resume(): void {
    this.written?.take();
    this.stopwatch?.start();
    this.host.activity.resume();
  }

  /** It waits. */
  suspend(): void {
    this.stopwatch?.stop();
    this.host.activity.suspend();
  }

  /** Marks the instance as trapped and returns what to throw: from here on it neither runs nor calls out. */
  trapped(thrown: unknown): unknown {
    this.#trap ??= { thrown };
    return this.#trap.thrown;
  }

  /** The guest calls out: throws when it may not. A guest that caught its own trap gets it again. */
  assertMayLeave(): void {
    this.callsOut++;
    if (this.#trap !== undefined) throw this.#trap.thrown;
    if (!this.mayLeave) throw this.trapped(new AbiTrap("the guest called out of realloc or post-return"));
  }

  /**
   * The host calls in: throws when the instance is within a call or has trapped. `mayWait` says that it runs on a stack
   * of its own, so that it can be suspended.
   */
  enterCall(mayWait: boolean): void {
    if (this.#trap !== undefined) throw new AbiTrap("the instance trapped before");
    trapUnless(!this.#inCall, "the instance is entered while it is within a call");
    this.#inCall = true;
    this.written?.take();
    this.stopwatch?.start();
    if (mayWait) this.host.activity.pausable(this);
  }

  /** A call of the host's is over; throws the trap that the guest caught on the way, if any. */
  leaveCall(): void {
    this.#inCall = false;
    this.stopwatch?.stop();
    this.host.activity.pausable(undefined);
    if (this.#trap !== undefined) throw this.#trap.thrown;
    try {
      this.handles.endBorrows();
    } catch (kept) {
      throw this.trapped(kept);
    }
  }

  /** Runs guest code that may not call out. */
  withoutLeaving<T>(run: () => T): T {
    const before = this.mayLeave;
    this.mayLeave = false;
    const result = run();
    this.mayLeave = before;
    return result;
  }
}
