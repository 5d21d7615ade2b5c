import type { FoundArtifact } from "../oci/pull.ts";
import { formatReference } from "../oci/reference.ts";
import { formatBytes, printable } from "./output.ts";

/** What `wasmlet inspect REF` says of an artifact as it is in its registry. */
export interface ImageSummary {
  reference: string;
  digest: string;
  /** The manifest that was chosen of an index. */
  manifest?: string;
  layout: string;
  /** Why it is taken for that. */
  because: string[];
  layers: { mediaType: string; digest: string; bytes: number }[];
  annotations: Record<string, string>;
}

/** Returns what is worth knowing of an artifact. */
export function summariseImage({ reference, digest, manifestDigest, manifest, choice }: FoundArtifact): ImageSummary {
  return {
    reference: formatReference(reference),
    digest,
    ...(manifestDigest !== digest && { manifest: manifestDigest }),
    layout: choice.name,
    because: choice.reasons,
    layers: manifest.layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, bytes: size })),
    annotations: manifest.annotations ?? {},
  };
}

/** Returns what is worth knowing of an artifact, for people. */
export function describeImage({
  reference,
  digest,
  manifest,
  layout,
  because,
  layers,
  annotations,
}: ImageSummary): string {
  const facts: [string, string][] = [
    ["artifact", reference],
    ["digest", digest],
    ...(manifest === undefined ? [] : [["manifest", manifest] satisfies [string, string]]),
    ["layout", layout],
    ...because.map((reason): [string, string] => ["because", reason]),
    ...layers.map(({ mediaType, bytes }): [string, string] => ["layer", `${mediaType}, ${formatBytes(bytes)}`]),
    ...Object.entries(annotations).map(([name, value]): [string, string] => ["annotation", `${name}=${value}`]),
  ];
  return facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${printable(value)}\n`).join("");
}
