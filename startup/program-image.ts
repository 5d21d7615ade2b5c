import { buildImageTar } from "../oci/image-tar.ts";

/** The container image of the program. */
export const PROGRAM_IMAGE = "localhost/wasmlet-startup-program:1";

/** Returns the image as an archive that `ctr images import` and `docker load` read: the binary alone. */
export function buildProgramImage(binary: Uint8Array): Promise<Buffer> {
  return buildImageTar({
    name: PROGRAM_IMAGE,
    layers: [{ program: { bytes: binary, mode: 0o755 } }],
    config: { Entrypoint: ["/program"], User: "65532:65532" },
  });
}
