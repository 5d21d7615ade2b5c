/** The API group of every Wasmlet kind. */
export const API_GROUP = "wasmlet.dev";

/** The served and stored version of the API. */
export const API_VERSION_NAME = "v1alpha1";

/** What a WasmApp manifest carries as `apiVersion`. */
export const API_VERSION = `${API_GROUP}/${API_VERSION_NAME}` as const;

/** What a WasmApp manifest carries as `kind`. */
export const WASM_APP_KIND = "WasmApp";

/** The namespace of a manifest that names none. */
export const DEFAULT_NAMESPACE = "default";
