import type { CliOptions } from "./cli/imports.ts";
import { SYSTEM_CLOCK, type Clock } from "./clocks/clock.ts";
import type { Preopen } from "./filesystem/imports.ts";
import { createHostImports, type HostImports } from "./host-imports.ts";
import { Scope } from "./scope.ts";
import type { EgressPolicy } from "./sockets/egress.ts";
import type { Variables } from "./variables/imports.ts";

export type { HostImports } from "./host-imports.ts";

/** A guest that can be suspended in the middle of its computation. */
export interface PausableGuest {
  /** False while it cannot: it runs for the host's sake, with the host's own frames on the stack. */
  readonly mayLeave: boolean;
  /** It waits. */
  suspend(): void;
  /** It runs again. */
  resume(): void;
}

/** Told when one guest has the thread, by the engine that runs it. */
export interface Activity {
  /** When the call that is made next, or under way, must be over: milliseconds of the machine's monotonic clock. */
  readonly deadlineMs: number;
  /** The same while it waits, which takes no CPU time. */
  readonly waitDeadlineMs: number;
  /** Guest code runs from here on. */
  resume(): void;
  /** It no longer does: it waits, or has returned. */
  suspend(): void;
  /** Guest code may run later in this turn of the event loop: for an engine that cannot tell when. */
  expect(): void;
  /** The guest that runs is this one, whose stack can be suspended; or no such guest any more. */
  pausable(guest: PausableGuest | undefined): void;
}

/** An activity that nobody is told of. */
export const UNOBSERVED: Activity = {
  deadlineMs: Infinity,
  waitDeadlineMs: Infinity,
  resume() {},
  suspend() {},
  expect() {},
  pausable() {},
};

/** Everything one guest instance may see of the world; what is not here does not exist for it. */
export interface HostOptions extends CliOptions {
  preopens: readonly Preopen[];
  egress: EgressPolicy;
  /** Those of a Spin application's component; others have none. */
  variables?: Variables | undefined;
  clock?: Clock;
  activity?: Activity;
}

/** The WASI 0.2 host of one guest instance: no state is shared with any other instance's. */
export class WasiHost {
  readonly scope: Scope;
  readonly options: HostOptions;
  readonly clock: Clock;
  readonly activity: Activity;
  readonly imports: HostImports;

  constructor(options: HostOptions, scope: Scope = new Scope()) {
    this.scope = scope;
    this.options = options;
    this.clock = options.clock ?? SYSTEM_CLOCK;
    this.activity = options.activity ?? UNOBSERVED;
    this.imports = createHostImports(this);
  }

  /** Ends all that the guest has open and unwinds it where it waits. */
  close(why?: string): void {
    this.scope.close(why);
  }
}
