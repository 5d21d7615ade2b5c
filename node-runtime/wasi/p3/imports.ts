import type { HostImports, WasiHost } from "../host.ts";
import { createCliImports } from "./cli.ts";
import { createClockImports } from "./clocks.ts";
import { createFilesystemImports } from "./filesystem.ts";
import { createHttpImports } from "./http/imports.ts";
import { HOST_INTERFACES, P3_SUFFIX } from "../offered.ts";
import { createRandomImports } from "./random.ts";
import { createSocketImports } from "./sockets/imports.ts";

/**
 * Returns the WASI 0.3 interfaces of one guest, named `wasi:cli/stdin@0.3`, over its WASI 0.2 host, whose interfaces are
 * among them: a component may import both.
 */
export function createP3Imports(host: WasiHost): HostImports {
  const imports: HostImports = {
    ...createCliImports(host.imports),
    ...createClockImports(host),
    ...createRandomImports(host.imports),
    ...createFilesystemImports(host.imports),
    ...createSocketImports(host.imports),
    ...createHttpImports(host),
  };
  const all: HostImports = {};
  for (const [name, functions] of Object.entries(imports)) all[`${name}${P3_SUFFIX}`] = functions;
  for (const name of HOST_INTERFACES) {
    Object.defineProperty(all, name, { get: () => host.imports[name], enumerable: true });
  }
  return all;
}
