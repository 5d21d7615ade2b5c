import { WasmletError } from "../../common/errors.ts";
import type { Descriptor, ImageManifest } from "../manifest.ts";
import { parseJson } from "../manifest.ts";
import { ARCHIVE_LAYERS, essenceOf, IMAGE_CONFIG_TYPES, SPIN_LOCK, WASM_CONFIG, WASM_LAYERS } from "../media-types.ts";
import { readImageConfig, type ImageConfig } from "./image-config.ts";
import { plainPath } from "./paths.ts";

/** How an artifact holds its program. */
export type Layout =
  /** One layer is the program: the CNCF's artifact, or what other tools make of it. */
  | { kind: "wasm"; layer: Descriptor }
  /** A Spin application: a lock file that refers to layers by digest. */
  | { kind: "spin"; lock: Descriptor; layers: Descriptor[] }
  /** A container image whose entrypoint is a WebAssembly file in its layers. */
  | { kind: "image"; layers: Descriptor[]; config: ImageConfig; entrypoint?: string };

/** What was found and chosen, and why, for people. */
export interface LayoutChoice {
  layout: Layout;
  /** The layout's name, one noun phrase. */
  name: string;
  reasons: string[];
}

/** Annotations by which images say that they are WebAssembly although their platform does not. */
const VARIANT = "module.wasm.image/variant";
const HANDLER = "run.oci.handler";
const MAX_LISTED = 10;

/**
 * Decides from a manifest and its configuration how the artifact is read. Pure. Throws OCI_LAYOUT_UNKNOWN where nothing or
 * more than one thing could be run, and OCI_MANIFEST_INVALID where manifest and configuration contradict each other.
 */
export function chooseLayout(manifest: ImageManifest, config: Uint8Array, where: string): LayoutChoice {
  const configType = essenceOf(manifest.config.mediaType);
  const lock = manifest.layers.filter(({ mediaType }) => essenceOf(mediaType) === SPIN_LOCK);
  if (configType === SPIN_LOCK) lock.push(manifest.config);
  if (lock.length > 0) return chooseSpin(manifest, lock, where);
  const wasm = manifest.layers.filter(({ mediaType }) => WASM_LAYERS.has(essenceOf(mediaType)));
  if (configType === WASM_CONFIG) return chooseArtifact(manifest, wasm, config, where);
  if (wasm.length > 0) return chooseLayer(manifest, wasm, configType, where);
  if (IMAGE_CONFIG_TYPES.has(configType)) return chooseImage(manifest, readImageConfig(config, where), where);
  throw unknown("the artifact holds no WebAssembly", where, [
    `a configuration ${configType}`,
    ...manifest.layers.slice(0, MAX_LISTED).map(({ mediaType }) => `a layer ${mediaType}`),
  ]);
}

function chooseArtifact(
  { layers }: ImageManifest,
  wasm: readonly Descriptor[],
  config: Uint8Array,
  where: string,
): LayoutChoice {
  const [layer] = wasm;
  // The specification: a consumer that sees more than one layer should reject the artifact.
  if (layer === undefined || layers.length !== 1) {
    throw unknown("an artifact of this kind has exactly one layer, of WebAssembly", where, countByType(layers));
  }
  const digests = (parseJson(config, () => invalidConfig(where)) as { layerDigests?: unknown }).layerDigests;
  if (Array.isArray(digests) && (digests.length !== 1 || digests[0] !== layer.digest)) {
    throw new WasmletError(
      "OCI_MANIFEST_INVALID",
      "the artifact's configuration names other layers than its manifest",
      {
        where,
        expected: layer.digest,
        actual: JSON.stringify(digests).slice(0, 200),
      },
    );
  }
  return {
    layout: { kind: "wasm", layer },
    name: "CNCF Wasm artifact",
    reasons: [`its configuration is ${WASM_CONFIG}`, `its one layer is ${layer.mediaType}`],
  };
}

function chooseLayer(
  { layers }: ImageManifest,
  wasm: readonly Descriptor[],
  configType: string,
  where: string,
): LayoutChoice {
  const [layer] = wasm;
  if (layer === undefined || wasm.length > 1) {
    throw unknown(
      "the artifact has several layers of WebAssembly and does not say which one to run",
      where,
      countByType(layers),
    );
  }
  const others = layers.length - 1;
  return {
    layout: { kind: "wasm", layer },
    name: "artifact with a Wasm layer",
    reasons: [
      `its only layer of WebAssembly is ${layer.mediaType}`,
      `its configuration ${configType} says nothing about WebAssembly`,
      ...(others > 0 ? [`${others} other ${others === 1 ? "layer is" : "layers are"} not used`] : []),
    ],
  };
}

function chooseSpin(manifest: ImageManifest, locks: readonly Descriptor[], where: string): LayoutChoice {
  const [lock] = locks;
  if (lock === undefined || locks.length > 1) {
    throw unknown("the artifact has several lock files of Spin", where, countByType(manifest.layers));
  }
  const layers = manifest.layers.filter((layer) => layer !== lock);
  const place = lock === manifest.config ? "configuration" : "layer";
  return {
    layout: { kind: "spin", lock, layers },
    name: "Spin application",
    reasons: [`a ${place} is ${SPIN_LOCK}`, `${layers.length} further layers hold components and files`],
  };
}

function chooseImage(manifest: ImageManifest, config: ImageConfig, where: string): LayoutChoice {
  const { layers, annotations = {} } = manifest;
  const odd = layers.find(({ mediaType }) => !ARCHIVE_LAYERS.has(essenceOf(mediaType)));
  if (odd !== undefined) throw unknown("the image has a layer that is no archive", where, [odd.mediaType]);
  if (config.diffIds.length !== layers.length) {
    throw new WasmletError("OCI_MANIFEST_INVALID", "the image's configuration names other layers than its manifest", {
      where,
      expected: `${layers.length} digests in rootfs.diff_ids`,
      actual: String(config.diffIds.length),
    });
  }
  const [program] = [...config.entrypoint, ...config.command];
  const entrypoint = program === undefined ? undefined : plainPath(program, config.workingDirectory);
  const reason = whyWasm(config, annotations, entrypoint);
  if (reason === undefined) {
    throw unknown("the image is not for WebAssembly", where, [
      `the platform ${config.os}/${config.architecture}`,
      entrypoint === undefined ? "no entrypoint" : `the entrypoint ${entrypoint}`,
    ]);
  }
  return {
    layout: { kind: "image", layers, config, ...(entrypoint !== undefined && { entrypoint }) },
    name: "container image with a Wasm entrypoint",
    reasons: [
      reason,
      entrypoint === undefined
        ? "it names no entrypoint: its only .wasm file is run"
        : `its entrypoint is ${entrypoint}`,
    ],
  };
}

function whyWasm(
  { os, architecture }: ImageConfig,
  annotations: Readonly<Record<string, string>>,
  entrypoint: string | undefined,
): string | undefined {
  if (architecture === "wasm" || architecture === "wasm32") return `its platform is ${os}/${architecture}`;
  if (annotations[VARIANT]?.startsWith("compat") === true)
    return `its annotation ${VARIANT} is ${annotations[VARIANT]}`;
  if (annotations[HANDLER] === "wasm") return `its annotation ${HANDLER} is wasm`;
  return entrypoint?.endsWith(".wasm") === true ? "its entrypoint is a .wasm file" : undefined;
}

function countByType(layers: readonly Descriptor[]): string[] {
  const counts = new Map<string, number>();
  for (const { mediaType } of layers) counts.set(mediaType, (counts.get(mediaType) ?? 0) + 1);
  return [...counts].slice(0, MAX_LISTED).map(([type, count]) => `${count} × ${type}`);
}

function unknown(message: string, where: string, found: readonly string[]): WasmletError {
  return new WasmletError("OCI_LAYOUT_UNKNOWN", message, {
    where,
    expected: "a Wasm artifact, a Spin application or an image with a Wasm entrypoint",
    actual: found.join(", ") || "nothing",
  });
}

function invalidConfig(where: string): WasmletError {
  return new WasmletError("OCI_MANIFEST_INVALID", "the artifact's configuration is not valid", {
    where,
    expected: "JSON in UTF-8",
  });
}
