import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AppView } from "../../node-runtime/runtime-api.ts";
import { makeTemporaryFolder, type Manifest } from "../harness.ts";
import { childrenOf, serve, type ServedRuntime } from "../served-runtime.ts";
import { isCell } from "./leftovers.ts";
import { inodesOf, readTcp, type TcpRow } from "./tcp-table.ts";

export const CELLS = 2;
const POLL_MS = 20;
/** The longest that a cell's replacement is put off is 10 s; then it loads every app, on a machine that is busy. */
const MAX_WAIT_MS = 60_000;
const MAX_CLOSE_MS = 5000;

/** `wasmlet serve` over a folder in which each app has a file of its own. */
export class SoakedRuntime {
  readonly served: ServedRuntime;
  readonly #temporary: { path: string; remove: () => void };
  /** Every process that it was seen to start. */
  readonly pids = new Set<number>();
  /** Every port that an app was seen to have. */
  readonly ports = new Set<number>();

  private constructor(served: ServedRuntime, temporary: { path: string; remove: () => void }) {
    this.served = served;
    this.#temporary = temporary;
    this.ports.add(Number(new URL(served.managementUrl).port));
  }

  static async start(): Promise<SoakedRuntime> {
    const temporary = makeTemporaryFolder();
    const served = await serve([], join(temporary.path, "cache"), ["--cells", String(CELLS), "--grace", "20s"]);
    return new SoakedRuntime(served, temporary);
  }

  /** Where artifacts may be put. */
  get folder(): string {
    return this.#temporary.path;
  }

  /** Writes an app's manifest whole: a runtime that reads it meanwhile finds the old one. */
  write(name: string, manifest: Manifest): void {
    const half = join(this.#temporary.path, "half.json");
    writeFileSync(half, JSON.stringify(manifest));
    renameSync(half, join(this.served.folder, `${name}.yaml`));
  }

  remove(name: string): void {
    rmSync(join(this.served.folder, `${name}.yaml`));
  }

  /** Resolves to an app's URL once it is ready and every cell of it listens. */
  async urlOf(name: string): Promise<string> {
    let url: string | undefined;
    await this.until(`${name} is ready`, async () => {
      const app = (await this.served.apps()).find((one) => one.name === name);
      url = app?.state === "Ready" ? app.urls[0] : undefined;
      if (url === undefined) return false;
      this.ports.add(portOf(url));
      return this.cellsOn(portOf(url)).length === CELLS;
    });
    return url!;
  }

  /** Resolves once the apps are these and have settled, with all cells there and nothing being prepared. */
  async untilSettled(names: readonly string[]): Promise<AppView[]> {
    let apps: AppView[] = [];
    await this.until("all settled", async () => {
      apps = await this.served.apps();
      const urls = apps.flatMap((app) => app.urls);
      return (
        apps.length === names.length &&
        apps.every(({ state }) => ["Ready", "Completed", "Failed"].includes(state)) &&
        urls.every((url) => this.cellsOn(portOf(url)).length === CELLS)
      );
    });
    return apps;
  }

  /** Returns the cells that listen on a port. */
  cellsOn(port: number): number[] {
    const listening = readTcp().filter(({ state, localPort }) => state === "listening" && localPort === port);
    const inodes = new Set(listening.map(({ inode }) => inode));
    return this.children().filter((pid) => isCell(pid) && hasAny(pid, inodes));
  }

  /** Returns the processes that it has started and that run now. */
  children(): number[] {
    const children = childrenOf(this.served.pid);
    for (const pid of children) this.pids.add(pid);
    return children;
  }

  async until(what: string, isSo: () => boolean | Promise<boolean>, maxMs = MAX_WAIT_MS): Promise<void> {
    const latestMs = performance.now() + maxMs;
    while (!(await isSo())) {
      if (performance.now() > latestMs) throw new Error(`not within ${maxMs / 1000} s: ${what}`);
      await delay(POLL_MS);
    }
  }

  /**
   * Stops it as a user does; resolves to its exit code and the ports that are still listened on. Whether a port can be had
   * says nothing: any connection on this machine may have it as its own end.
   */
  async stop(): Promise<{ code: number | null; listening: number[] }> {
    this.children();
    const before = new Set(this.#listeners().map(({ inode }) => inode));
    this.served.signal("SIGTERM");
    const { code } = await this.served.exited;
    const left = (): TcpRow[] => this.#listeners().filter(({ inode }) => before.has(inode));
    // A process's sockets end with its last thread, a moment after it.
    await this.until("ports are free", () => left().length === 0, MAX_CLOSE_MS).catch(() => {});
    return { code, listening: left().map(({ localPort }) => localPort) };
  }

  #listeners(): TcpRow[] {
    return readTcp().filter(({ state, localPort }) => state === "listening" && this.ports.has(localPort));
  }

  /** Ends what is left of it, and removes its folders. */
  async end(): Promise<void> {
    await this.served.remove();
    this.#temporary.remove();
  }
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}

function hasAny(pid: number, inodes: ReadonlySet<number>): boolean {
  try {
    return [...inodesOf(pid)].some((inode) => inodes.has(inode));
  } catch {
    return false; // it ended
  }
}
