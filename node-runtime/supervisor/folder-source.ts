import { watch, type FSWatcher } from "node:fs";
import { messageOf, WasmletError } from "../../common/errors.ts";
import { listManifests } from "../manifest-folder.ts";
import type { DesiredApp, DesiredState, DesiredStateSource } from "./desired-state.ts";
import { FolderReader } from "./folder-reader.ts";
import { stampOf } from "./manifest-apps.ts";

/** How often the folder is looked at even when the system reports no change (network file systems report none). */
const RESCAN_MS = 2000;
/** Changes come in bursts: an editor writes, renames and deletes. */
const SETTLE_MS = 10;

/** Desired state from a folder of manifests (or one manifest file), watched. */
export class FolderSource implements DesiredStateSource {
  readonly #folder: string;
  readonly #isTaken: (file: string) => boolean;
  readonly #reader = new FolderReader();
  #watchers: FSWatcher[] = [];
  #rescan: NodeJS.Timeout | undefined;
  #settle: NodeJS.Timeout | undefined;
  #signature = "";

  /** `isTaken` leaves out manifests of the folder that it is false for. */
  constructor(folder: string, isTaken: (file: string) => boolean = () => true) {
    this.#folder = folder;
    this.#isTaken = isTaken;
  }

  async start(onChange: (state: DesiredState) => void): Promise<void> {
    const scan = (): void => {
      let files: string[];
      try {
        files = list(this.#folder).filter((file) => this.#isTaken(file));
      } catch {
        return; // the folder is gone for the moment: what runs keeps running
      }
      const state = this.#reader.read(files);
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
