import { HostClosedError } from "../errors.ts";
import type { Scope } from "../scope.ts";
import { attempt, failure } from "./error-code.ts";
import { HeldFd } from "./held-fd.ts";
import type { MetadataHasher } from "./metadata-hash.ts";
import { openHostDirectory } from "./proc-fd.ts";
import type { VolumeQuota } from "./volume-quota.ts";

/** A host directory that a guest sees under a path of its own. */
export interface Preopen {
  /** Where the guest finds it: `/data`. */
  guestPath: string;
  hostPath: string;
  /** False refuses every change with `read-only`. */
  writable: boolean;
  /** How much may be kept there; shared by all guests of this process that see it. */
  quota?: VolumeQuota | undefined;
}

/** One guest's view of one preopen: what its descriptors have in common. */
export class Volume {
  readonly scope: Scope;
  readonly hasher: MetadataHasher;
  readonly writable: boolean;
  readonly quota: VolumeQuota | undefined;
  readonly #hostPath: string;
  #root: HeldFd | undefined;

  constructor(scope: Scope, preopen: Preopen, hasher: MetadataHasher) {
    this.scope = scope;
    this.hasher = hasher;
    this.writable = preopen.writable;
    this.quota = preopen.quota;
    this.#hostPath = preopen.hostPath;
  }

  /** Returns a use of the host directory, opened at the first call: most guests never touch their files. */
  useRoot(): HeldFd {
    if (this.scope.closed) throw new HostClosedError("the host was closed");
    if (this.#root === undefined) {
      this.requireRoom();
      const root = new HeldFd(attempt(() => openHostDirectory(this.#hostPath)));
      this.#root = root;
      this.scope.defer(() => root.release());
    }
    return this.#root.retain();
  }

  /** Throws `read-only` on a volume that may not be changed. */
  requireWritable(): void {
    if (!this.writable) throw failure("read-only");
  }

  /** Throws `insufficient-memory`, the nearest that WASI has to "too many open files", when the guest has too much open. */
  requireRoom(): void {
    if (!this.scope.hasRoom) throw failure("insufficient-memory");
  }
}
