import type { CliOptions } from "./cli/imports.ts";
import { SYSTEM_CLOCK, type Clock } from "./clocks/clock.ts";
import type { Preopen } from "./filesystem/imports.ts";
import { createHostImports, type HostImports } from "./host-imports.ts";
import { Scope } from "./scope.ts";
import type { EgressPolicy } from "./sockets/egress.ts";

export type { HostImports } from "./host-imports.ts";

/** Everything one guest instance may see of the world; what is not here does not exist for it. */
export interface HostOptions extends CliOptions {
  preopens: readonly Preopen[];
  egress: EgressPolicy;
  clock?: Clock;
}

/** The WASI 0.2 host of one guest instance: no state is shared with any other instance's. */
export class WasiHost {
  readonly scope: Scope;
  readonly options: HostOptions;
  readonly clock: Clock;
  readonly imports: HostImports;

  constructor(options: HostOptions, scope: Scope = new Scope()) {
    this.scope = scope;
    this.options = options;
    this.clock = options.clock ?? SYSTEM_CLOCK;
    this.imports = createHostImports(this);
  }

  /** Ends all that the guest has open and unwinds it where it waits. */
  close(why?: string): void {
    this.scope.close(why);
  }
}
