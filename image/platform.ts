/** A processor architecture by its names in the OCI's and Debian's world, in npm's and in file names of libraries. */
export interface Platform {
  architecture: "amd64" | "arm64";
  npmCpu: "x64" | "arm64";
}

/** Every platform that images are built for. */
export const PLATFORMS: Readonly<Record<string, Platform>> = {
  "linux/amd64": { architecture: "amd64", npmCpu: "x64" },
  "linux/arm64": { architecture: "arm64", npmCpu: "arm64" },
};

/** The platform of this machine's processor. */
export const OWN_PLATFORM = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
