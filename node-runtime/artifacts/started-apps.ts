import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { text } from "../../common/shapes.ts";

/** Apps that are remembered; beyond, the whole memory begins anew. */
const MAX_APPS = 10_000;

const Started = v.object({ app: text(512), image: text(1024) });

/**
 * What each app of this node was last started from, one file each, until the app is taken off the node: a restart of the
 * runtime is no new start of its apps.
 */
export class StartedApps {
  readonly #directory: string;
  readonly #makeTemporary: () => string;

  constructor(directory: string, makeTemporary: () => string) {
    this.#directory = directory;
    this.#makeTemporary = makeTemporary;
  }

  /** True for an app that was started here, from this image. */
  has(app: string, image: string): boolean {
    try {
      const { success, output } = v.safeParse(Started, JSON.parse(readFileSync(this.#fileOf(app), "utf8")));
      return success && output.app === app && output.image === image;
    } catch {
      return false; // never started, or damaged: its registry is asked
    }
  }

  /** Remembers what an app is started from. */
  note(app: string, image: string): void {
    if (this.has(app, image)) return;
    const names = readdirSync(this.#directory);
    if (names.length >= MAX_APPS) for (const name of names) rmSync(join(this.#directory, name), { force: true });
    const temporary = this.#makeTemporary();
    writeFileSync(temporary, JSON.stringify({ app, image }), { flush: true });
    renameSync(temporary, this.#fileOf(app));
  }

  /** Forgets an app that is taken off the node. */
  forget(app: string): void {
    rmSync(this.#fileOf(app), { force: true });
  }

  #fileOf(app: string): string {
    return join(this.#directory, createHash("sha256").update(app).digest("hex"));
  }
}
