import { failure } from "./error-code.ts";
import type { HeldFd } from "./held-fd.ts";
import type { DescriptorFlags } from "./types.ts";
import type { Volume } from "./volume.ts";

/** The kinds of objects that can be opened. */
export type ObjectKind = "directory" | "regular-file";

/**
 * What a descriptor stands for: an open object, what it was opened for, and the checks that come before each use.
 *
 * A directory may be changed when its volume may. WASI's `mutate-directory` flag does not narrow that, as in other
 * runtimes: programs built through the preview 1 adapter never ask for it and change directories all the same.
 */
export class ObjectHandle {
  readonly volume: Volume;
  readonly kind: ObjectKind;
  readonly flags: DescriptorFlags;
  #held: HeldFd | undefined;
  #forget: (() => void) | undefined;
  #released = false;

  /** Takes over one use of `held`; without it, this is the volume's root, which is opened when it is first needed. */
  constructor(volume: Volume, kind: ObjectKind, flags: DescriptorFlags, held?: HeldFd) {
    this.volume = volume;
    this.kind = kind;
    this.flags = kind === "directory" ? { ...flags, mutateDirectory: volume.writable } : flags;
    if (held !== undefined) this.#hold(held);
  }

  /** The object, whatever it is. */
  any(): HeldFd {
    if (this.#released) throw failure("bad-descriptor");
    return this.#held ?? this.#hold(this.volume.useRoot());
  }

  /** The object, as a file opened to be read. */
  readableFile(): HeldFd {
    if (this.kind === "directory") throw failure("is-directory");
    if (!this.flags.read) throw failure("bad-descriptor");
    return this.any();
  }

  /** The object, as a file opened to be written. */
  writableFile(): HeldFd {
    this.volume.requireWritable();
    if (this.kind === "directory") throw failure("is-directory");
    if (!this.flags.write) throw failure("bad-descriptor");
    return this.any();
  }

  /** The object, as a directory. */
  directory(): HeldFd {
    if (this.kind !== "directory") throw failure("not-directory");
    return this.any();
  }

  /** The object, as a directory whose entries may be changed. */
  changeableDirectory(): HeldFd {
    this.volume.requireWritable();
    return this.directory();
  }

  /** Ends this use of the object; later ones throw `bad-descriptor`. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#forget?.();
    this.#held?.release();
  }

  #hold(held: HeldFd): HeldFd {
    this.#held = held;
    this.#forget = this.volume.scope.defer(() => this.release());
    return held;
  }
}
