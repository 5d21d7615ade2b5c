import { readFileSync, statSync, watch, type FSWatcher } from "node:fs";
import { messageOf, WasmletError } from "../../common/errors.ts";
import { loadManifests, type LoadedManifest, type LoadedManifests } from "../../crds/load.ts";
import { listManifests } from "../manifest-folder.ts";
import type { DesiredApp, DesiredState, DesiredStateSource } from "./desired-state.ts";
import { desiredAppOf, stampOf } from "./manifest-apps.ts";

/** A manifest larger than this is not read. */
const MAX_FILE_BYTES = 1024 * 1024;
/** How often the folder is looked at even when the system reports no change (network file systems report none). */
const RESCAN_MS = 2000;
/** Changes come in bursts: an editor writes, renames and deletes. */
const SETTLE_MS = 50;

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
        files = list(this.#folder);
      } catch {
        return; // the folder is gone for the moment: what runs keeps running
      }
      const state = readState(files);
      const signature = signatureOf(files, state.apps);
      if (signature === this.#signature) return;
      this.#signature = signature;
      onChange(state);
    };
    list(this.#folder); // says now why it cannot be read
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
      const { size } = statSync(file);
      if (size <= MAX_FILE_BYTES) loaded.push(loadManifests(readFileSync(file, "utf8"), { file }));
      else problems.push(tooLarge(file, size));
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

function tooLarge(file: string, size: number): WasmletError {
  return new WasmletError("MANIFEST_TOO_LARGE", `${file} is larger than ${MAX_FILE_BYTES} bytes and not read`, {
    where: file,
    expected: `at most ${MAX_FILE_BYTES} bytes`,
    actual: `${size} bytes`,
  });
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

function list(folder: string): string[] {
  try {
    return listManifests(folder);
  } catch (cause) {
    throw new WasmletError("RUNTIME_FOLDER", `the folder of manifests cannot be read: ${messageOf(cause)}`, {
      where: folder,
      expected: "a readable folder with .yaml files",
      cause,
    });
  }
}

/** Changes when a manifest or an artifact that one names changes. */
function signatureOf(manifests: readonly string[], apps: readonly DesiredApp[]): string {
  const artifacts = apps.flatMap(({ source }) => (source.kind === "file" ? [`${source.path} ${source.stamp}`] : []));
  return [...manifests.map((file) => `${file} ${stampOf(file)}`), ...artifacts].join("\n");
}
