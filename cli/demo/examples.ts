import { mkdtempSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { loadManifests } from "../../crds/load.ts";
import { findFreePorts, isPortFree } from "../../common/ports.ts";

/** What the manifest of an example is called. */
export const MANIFEST = "manifest.yaml";

/** A manifest of the examples. */
export interface Example {
  file: string;
  text: string;
  /** `namespace/name` of its apps. */
  apps: string[];
  /** Ports that its apps ask for. */
  ports: number[];
}

/** Reads `<folder>/<name>/manifest.yaml` of every example. */
export function readExamples(folder: string): Example[] {
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name, MANIFEST))
    .sort();
  return files.flatMap((file) => {
    const text = readIfThere(file);
    if (text === undefined) return [];
    const { apps } = loadManifests(text, { file });
    return [
      {
        file,
        text,
        apps: apps.map(({ app: { metadata } }) => `${metadata.namespace}/${metadata.name}`),
        ports: apps.flatMap(({ port }) => port ?? []),
      },
    ];
  });
}

/** Returns the ports that the examples ask for and another program has. */
export async function findTakenPorts(examples: readonly Example[], host: string): Promise<number[]> {
  const ports = [...new Set(examples.flatMap((example) => example.ports))];
  const free = await Promise.all(ports.map((port) => isPortFree(host, port)));
  return ports.filter((_, index) => free[index] === false);
}

/**
 * Writes copies of the examples' manifests to a new temporary folder, with free ports in place of the taken ones, where
 * they are asked for and where they are called. Returns the folder; whoever calls removes it.
 */
export async function writeWithFreePorts(
  examples: readonly Example[],
  taken: readonly number[],
  host: string,
): Promise<string> {
  const free = await findFreePorts(host, taken.length);
  const replacements = new Map(taken.map((port, index) => [port, free[index] ?? 0]));
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-demo-"));
  for (const { file, text } of examples) {
    const directory = join(folder, basename(dirname(file)));
    mkdirSync(directory);
    writeFileSync(join(directory, basename(file)), relocate(text, dirname(file), replacements));
  }
  return folder;
}

/** Returns a manifest that means the same from another folder, with other ports. */
export function relocate(text: string, directory: string, ports: ReadonlyMap<number, number>): string {
  let moved = text.replace(/(wasmlet\.dev\/source-path: )(\S+)/g, (_, key: string, path: string) => {
    return `${key}${JSON.stringify(resolve(directory, path))}`;
  });
  for (const [old, port] of ports) {
    moved = moved
      .replaceAll(new RegExp(`(wasmlet\\.dev/port: "?)${old}\\b`, "g"), `$1${port}`)
      .replaceAll(new RegExp(`(127\\.0\\.0\\.1:)${old}\\b`, "g"), `$1${port}`);
  }
  return moved;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // a folder without a manifest is no example
  }
}
