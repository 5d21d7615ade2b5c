import { readdirSync, readFileSync, statSync, watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { messageOf, WasmletError } from "../../common/errors.ts";
import { loadManifests, type LoadedManifest, type LoadedManifests } from "../../crds/load.ts";
import type { DesiredApp, DesiredState, DesiredStateSource } from "./desired-state.ts";
import { desiredAppOf, stampOf } from "./manifest-apps.ts";

/** Directories below the folder that are read. */
const MAX_DEPTH = 4;
/** Manifest files that are read. */
const MAX_FILES = 20_000;
/** A manifest larger than this is not read. */
const MAX_FILE_BYTES = 1024 * 1024;
/** How often the folder is looked at even when the system reports no change (network file systems report none). */
const RESCAN_MS = 2000;
/** Changes come in bursts: an editor writes, renames and deletes. */
const SETTLE_MS = 50;

const SKIPPED = new Set(["node_modules", "target", "guest"]);

/** Desired state from a folder of manifests (or one manifest file), watched. */
export class FolderSource implements DesiredStateSource {
  readonly #folder: string;
  #watchers: FSWatcher[] = [];
  #rescan: NodeJS.Timeout | undefined;
  #settle: NodeJS.Timeout | undefined;
  #signature = "";

  constructor(folder: string) {
    this.#folder = folder;
  }

  async start(onChange: (state: DesiredState) => void): Promise<void> {
    const scan = (): void => {
      let files: string[];
      try {
        files = listManifests(this.#folder);
      } catch {
        return; // the folder is gone for the moment: what runs keeps running
      }
      const state = readState(files);
      const signature = signatureOf(files, state.apps);
      if (signature === this.#signature) return;
      this.#signature = signature;
      onChange(state);
    };
    listManifests(this.#folder); // says now why it cannot be read
    scan();
    const soon = (): void => {
      clearTimeout(this.#settle);
      this.#settle = setTimeout(scan, SETTLE_MS);
    };
    try {
      const watcher = watch(this.#folder, { recursive: true }, soon);
      watcher.on("error", () => {}); // the rescan goes on
      this.#watchers.push(watcher);
    } catch {
      // Watching is a shortcut: without it changes are seen at the next rescan.
    }
    this.#rescan = setInterval(scan, RESCAN_MS);
  }

  stop(): void {
    clearInterval(this.#rescan);
    clearTimeout(this.#settle);
    for (const watcher of this.#watchers) watcher.close();
  }
}

function readState(files: readonly string[]): DesiredState {
  const loaded: LoadedManifests[] = [];
  const problems: WasmletError[] = [];
  for (const file of files) {
    try {
      loaded.push(loadManifests(readFileSync(file, "utf8"), { file }));
    } catch (cause) {
      problems.push(
        new WasmletError("RUNTIME_FOLDER", `cannot read ${file}: ${messageOf(cause)}`, { where: file, cause }),
      );
    }
  }
  for (const { code, message, file, line, column, path, expected, actual, fix } of loaded.flatMap(
    ({ problems: found }) => found,
  )) {
    problems.push(
      new WasmletError(code, path === "" ? message : `${path}: ${message}`, {
        where: `${file}:${line}:${column}`,
        fix,
        ...(expected !== undefined && { expected }),
        ...(actual !== undefined && { actual }),
      }),
    );
  }
  const configMaps = loaded.flatMap(({ configMaps: found }) => found);
  const secrets = loaded.flatMap(({ secrets: found }) => found);
  const manifests = withoutDuplicates(
    loaded.flatMap(({ apps }) => apps),
    problems,
  );
  return { apps: manifests.map((manifest) => desiredAppOf(manifest, configMaps, secrets)), problems };
}

/** The first of two apps of one name wins, so that adding a file never stops what runs. */
function withoutDuplicates(manifests: LoadedManifest[], problems: WasmletError[]): LoadedManifest[] {
  const first = new Map<string, LoadedManifest>();
  for (const manifest of manifests) {
    const { namespace, name } = manifest.app.metadata;
    const id = `${namespace}/${name}`;
    const other = first.get(id);
    if (other === undefined) first.set(id, manifest);
    else {
      problems.push(
        new WasmletError("APP_CONFLICT", `the app ${id} is defined twice; the first one serves`, {
          where: `${manifest.file}:${manifest.line}:${manifest.column}`,
          expected: "one manifest per namespace and name",
          actual: `another one in ${other.file}:${other.line}:${other.column}`,
        }),
      );
    }
  }
  return [...first.values()];
}

function listManifests(folder: string): string[] {
  try {
    if (statSync(folder).isFile()) return [folder];
    const files: string[] = [];
    collect(folder, 0, files);
    return files.sort();
  } catch (cause) {
    throw new WasmletError("RUNTIME_FOLDER", `the folder of manifests cannot be read: ${messageOf(cause)}`, {
      where: folder,
      expected: "a readable folder with .yaml files",
      cause,
    });
  }
}

function collect(folder: string, depth: number, files: string[]): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || SKIPPED.has(entry.name) || files.length >= MAX_FILES) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth < MAX_DEPTH) collect(path, depth + 1, files);
    else if (/\.ya?ml$/.test(entry.name) && entry.isFile() && statSync(path).size <= MAX_FILE_BYTES) files.push(path);
  }
}

/** Changes when a manifest or an artifact that one names changes. */
function signatureOf(manifests: readonly string[], apps: readonly DesiredApp[]): string {
  const artifacts = apps.flatMap(({ source }) => (source.kind === "file" ? [`${source.path} ${source.stamp}`] : []));
  return [...manifests.map((file) => `${file} ${stampOf(file)}`), ...artifacts].join("\n");
}
