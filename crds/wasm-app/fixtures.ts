import { defaultWasmApp } from "../validate.ts";
import { API_VERSION, WASM_APP_KIND } from "./names.ts";
import type { WasmApp } from "./types.ts";

/** A type whose fields may be left out at every depth; lists are whole. */
type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [Key in keyof T]?: DeepPartial<T[Key]> }
    : T;

/** What a test changes of a minimal WasmApp. */
export interface WasmAppOverrides {
  metadata?: Partial<WasmApp["metadata"]>;
  spec?: DeepPartial<WasmApp["spec"]>;
  status?: WasmApp["status"];
}

/** Returns the smallest valid manifest as a user would write it, with these sections of metadata and spec replaced. */
export function minimalManifest(overrides: WasmAppOverrides = {}): Record<string, unknown> {
  const { metadata, spec, status } = overrides;
  return {
    apiVersion: API_VERSION,
    kind: WASM_APP_KIND,
    metadata: { name: "hello", ...metadata },
    spec: { source: { oci: { image: "registry.example.com/hello:1.0.0" } }, ...spec },
    ...(status === undefined ? {} : { status }),
  };
}

/** Returns the smallest valid WasmApp with its defaults, for tests to change one thing of. */
export function minimalWasmApp(overrides: WasmAppOverrides = {}): WasmApp {
  return defaultWasmApp(minimalManifest(overrides));
}
