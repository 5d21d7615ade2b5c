import { createCliImports, type CliOptions } from "./cli/imports.ts";
import { SYSTEM_CLOCK, type Clock } from "./clocks/clock.ts";
import { createClockImports } from "./clocks/imports.ts";
import { createFilesystemImports, type Preopen } from "./filesystem/imports.ts";
import { createHttpImports } from "./http/imports.ts";
import { IoError } from "./io/error.ts";
import { InputStream } from "./io/input-stream.ts";
import { OutputStream } from "./io/output-stream.ts";
import { poll, Pollable } from "./io/pollable.ts";
import { createRandomImports } from "./random/imports.ts";
import { Scope } from "./scope.ts";
import type { EgressPolicy } from "./sockets/egress.ts";
import { createSocketImports } from "./sockets/imports.ts";

/** Everything one guest instance may see of the world; what is not here does not exist for it. */
export interface HostOptions extends CliOptions {
  preopens: readonly Preopen[];
  egress: EgressPolicy;
  clock?: Clock;
}

/** Interfaces by unversioned name; functions in camelCase, resources as classes (the JS embedding of the component model). */
export type HostImports = Record<string, Record<string, unknown>>;

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
    this.imports = {
      "wasi:io/error": { Error: IoError },
      "wasi:io/poll": { Pollable, poll: (pollables: Pollable[]) => poll(scope, pollables) },
      "wasi:io/streams": { InputStream, OutputStream },
      ...createCliImports(scope, options),
      ...createClockImports(scope, this.clock),
      ...createRandomImports(),
      ...createFilesystemImports(scope, options.preopens),
      ...createSocketImports(scope, options.egress, this.clock),
      ...createHttpImports(scope, options.egress, this.clock),
    };
  }

  /** Ends all that the guest has open and unwinds it where it waits. */
  close(why?: string): void {
    this.scope.close(why);
  }
}
