/*
 * Media types of manifests, configurations and layers, each with where it comes from.
 */

/** image-spec, manifest.md and image-index.md; and docker's, which registries and tools still write. */
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

export const MANIFEST_TYPES: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST]);
export const INDEX_TYPES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_LIST]);

/** image-spec, config.md. */
export const IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json";
export const IMAGE_CONFIG_TYPES: ReadonlySet<string> = new Set([
  IMAGE_CONFIG,
  "application/vnd.docker.container.image.v1+json",
]);

/** image-spec, manifest.md: an artifact without a configuration has these two bytes, `{}`. */
export const EMPTY_CONFIG = "application/vnd.oci.empty.v1+json";

/** How a layer's tar archive is compressed. */
export type Compression = "none" | "gzip" | "zstd";

/** image-spec, layer.md, and docker's. */
export const ARCHIVE_LAYERS: ReadonlyMap<string, Compression> = new Map([
  ["application/vnd.oci.image.layer.v1.tar", "none"],
  ["application/vnd.oci.image.layer.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.v1.tar+zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"],
  ["application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd"],
]);

/** The CNCF's artifact of WebAssembly (https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/). */
export const WASM_CONFIG = "application/vnd.wasm.config.v0+json";
export const WASM_LAYER = "application/wasm";

/** Layers that are one WebAssembly binary: the CNCF's, runwasi's, Spin's and wasm-to-oci's, wasmCloud's. */
export const WASM_LAYERS: ReadonlySet<string> = new Set([
  WASM_LAYER,
  "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
  "application/vnd.wasm.content.layer.v1+wasm",
  "application/vnd.module.wasm.content.layer.v1+wasm",
]);

/** Spin's lock file, as a layer or (before Spin 2) as the configuration; its archives of static files. */
export const SPIN_LOCK = "application/vnd.fermyon.spin.application.v1+config";
export const SPIN_ARCHIVE = "application/vnd.wasm.content.bundle.v1.tar+gzip";

/** Returns a media type without its parameters, in lower case. */
export function essenceOf(mediaType: string): string {
  return (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase();
}
