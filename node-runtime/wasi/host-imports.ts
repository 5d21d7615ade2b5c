import { createCliImports } from "./cli/imports.ts";
import { createClockImports } from "./clocks/imports.ts";
import { createFilesystemImports } from "./filesystem/imports.ts";
import type { WasiHost } from "./host.ts";
import { createHttpImports } from "./http/imports.ts";
import { IoError } from "./io/error.ts";
import { InputStream } from "./io/input-stream.ts";
import { OutputStream } from "./io/output-stream.ts";
import { poll, Pollable } from "./io/pollable.ts";
import { HOST_INTERFACES } from "./offered.ts";
import { createRandomImports } from "./random/imports.ts";
import { createSocketImports } from "./sockets/imports.ts";
import { createVariableImports } from "./variables/imports.ts";

/** Interfaces by unversioned name; functions in camelCase, resources as classes (the JS embedding of the component model). */
export type HostImports = Record<string, Record<string, unknown>>;

/** How the interfaces of each package are made for one host. */
const PACKAGES: ReadonlyMap<string, (host: WasiHost) => HostImports> = new Map<string, (host: WasiHost) => HostImports>(
  [
    ["wasi:io", ({ scope }) => createIoImports(scope)],
    ["wasi:cli", ({ scope, options }) => createCliImports(scope, options)],
    ["wasi:clocks", ({ scope, clock }) => createClockImports(scope, clock)],
    ["wasi:random", () => createRandomImports()],
    ["wasi:filesystem", ({ scope, options }) => createFilesystemImports(scope, options.preopens)],
    ["wasi:sockets", ({ scope, options, clock }) => createSocketImports(scope, options.egress, clock)],
    ["wasi:http", ({ scope, options, clock }) => createHttpImports(scope, options.egress, clock)],
    ["fermyon:spin", ({ options }) => createVariableImports(options.variables)],
    ["wasi:config", ({ options }) => createVariableImports(options.variables)],
  ],
);

/** The offered interfaces as getters; a package is made when the first of its interfaces is read. */
class LazyImports {
  readonly #host: WasiHost;
  readonly #made = new Map<string, HostImports>();

  static {
    for (const name of HOST_INTERFACES) {
      const from = name.slice(0, name.indexOf("/"));
      Object.defineProperty(this.prototype, name, {
        get(this: LazyImports) {
          return this.#package(from)[name];
        },
      });
    }
  }

  constructor(host: WasiHost) {
    this.#host = host;
  }

  #package(name: string): HostImports {
    let made = this.#made.get(name);
    if (made === undefined) {
      made = PACKAGES.get(name)!(this.#host);
      this.#made.set(name, made);
    }
    return made;
  }
}

/** Returns every interface of WASI 0.2 for one host, and those of Spin. A guest that imports no sockets pays for none. */
export function createHostImports(host: WasiHost): HostImports {
  return new LazyImports(host) as unknown as HostImports;
}

function createIoImports(scope: WasiHost["scope"]): HostImports {
  return {
    "wasi:io/error": { Error: IoError },
    "wasi:io/poll": { Pollable, poll: (pollables: Pollable[]) => poll(scope, pollables) },
    "wasi:io/streams": { InputStream, OutputStream },
  };
}
