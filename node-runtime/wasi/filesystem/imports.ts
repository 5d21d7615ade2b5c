import type { Scope } from "../scope.ts";
import { Descriptor } from "./descriptor.ts";
import { DirectoryEntryStream } from "./directory-entry-stream.ts";
import { filesystemErrorCode } from "./error-code.ts";
import { MetadataHasher } from "./metadata-hash.ts";
import { ObjectHandle } from "./object-handle.ts";
import { Volume, type Preopen } from "./volume.ts";

export type { Preopen } from "./volume.ts";

/** Returns `wasi:filesystem/types` and `wasi:filesystem/preopens` of one guest, who sees `preopens` and nothing else. */
export function createFilesystemImports(
  scope: Scope,
  preopens: readonly Preopen[],
): Record<string, Record<string, unknown>> {
  const hasher = new MetadataHasher();
  const volumes = preopens.map((preopen) => ({
    volume: new Volume(scope, preopen, hasher),
    guestPath: preopen.guestPath,
  }));
  return {
    "wasi:filesystem/types": { Descriptor, DirectoryEntryStream, filesystemErrorCode },
    "wasi:filesystem/preopens": {
      getDirectories: (): Array<[Descriptor, string]> =>
        volumes.map(({ volume, guestPath }) => [
          new Descriptor(new ObjectHandle(volume, "directory", { read: true })),
          guestPath,
        ]),
    },
  };
}
