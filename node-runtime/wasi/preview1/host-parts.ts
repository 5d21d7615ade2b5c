import type { Clock } from "../clocks/clock.ts";
import type { Datetime } from "../clocks/imports.ts";
import type { Descriptor } from "../filesystem/descriptor.ts";
import type { ErrorCode } from "../filesystem/error-code.ts";
import type { HostImports, HostOptions } from "../host.ts";
import type { IoError } from "../io/error.ts";
import type { InputStream } from "../io/input-stream.ts";
import type { OutputStream } from "../io/output-stream.ts";
import type { Scope } from "../scope.ts";

/** The part of a WASI host that preview 1 stands on: the same objects as a component's imports. */
export interface Preview1Host {
  readonly scope: Scope;
  readonly clock: Clock;
  readonly options: Pick<HostOptions, "args" | "env" | "cwd" | "terminals">;
  readonly imports: HostImports;
}

/** The component functions that preview 1 uses, by `interface#function`. */
interface HostFunctions {
  "wasi:cli/stdin#getStdin": () => InputStream;
  "wasi:cli/stdout#getStdout": () => OutputStream;
  "wasi:cli/stderr#getStderr": () => OutputStream;
  "wasi:clocks/monotonic-clock#resolution": () => bigint;
  "wasi:clocks/wall-clock#resolution": () => Datetime;
  "wasi:filesystem/preopens#getDirectories": () => Array<[Descriptor, string]>;
  "wasi:filesystem/types#filesystemErrorCode": (error: IoError) => ErrorCode | undefined;
  "wasi:random/random#getRandomBytes": (length: bigint) => Uint8Array;
}

/** Returns one of the functions that the host gives to components. */
export function hostFunction<Name extends keyof HostFunctions>(host: Preview1Host, name: Name): HostFunctions[Name] {
  const [interfaceName = "", functionName = ""] = name.split("#");
  const found = host.imports[interfaceName]?.[functionName];
  if (typeof found !== "function") throw new Error(`the host has no ${name}`);
  return found as HostFunctions[Name];
}
