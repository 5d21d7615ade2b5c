import { statSync } from "node:fs";
import { resolve, dirname } from "node:path";
import type { LoadedManifest } from "../../crds/load.ts";
import type { ConfigMap, Secret } from "../../crds/manifest/core-objects.ts";
import type { ArtifactSource, DesiredApp } from "./desired-state.ts";
import { ObjectLookup } from "./object-lookup.ts";
import { desiredAppOfTemplate } from "./template-apps.ts";

/** Turns a manifest and the objects beside it into a desired app; what cannot be honoured becomes its refusal. */
export function desiredAppOf(
  manifest: LoadedManifest,
  configMaps: readonly ConfigMap[],
  secrets: readonly Secret[],
): DesiredApp {
  const { metadata, spec } = manifest.app;
  const desired = desiredAppOfTemplate({
    template: { ...spec, idleSeconds: spec.scale.idleSeconds },
    fields: metadata,
    lookup: new ObjectLookup(metadata.namespace, configMaps, secrets),
    ...(manifest.sourcePath !== undefined && { source: fileSource(manifest.file, manifest.sourcePath) }),
    placeOf: (field) => {
      const { line, column } = manifest.locate(field.split("."));
      return `${manifest.file}:${line}:${column}`;
    },
  });
  return manifest.port === undefined ? desired : { ...desired, port: manifest.port };
}

function fileSource(manifestFile: string, sourcePath: string): ArtifactSource {
  const path = resolve(dirname(manifestFile), sourcePath);
  return { kind: "file", path, stamp: stampOf(path) };
}

/** Returns a text that changes when the file does. */
export function stampOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? "missing" : `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}
