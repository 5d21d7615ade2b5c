import { execFileSync } from "node:child_process";
import { OCI_MANIFEST } from "../../oci/media-types.ts";
import type { Sample } from "../../oci/layouts/samples.ts";
import { parseReference } from "../../oci/reference.ts";
import { RegistryClient, type RegistryOptions } from "../../oci/registry/client.ts";
import { goTool, wkg, type GO_TOOLS } from "./tools.ts";

/** Runs a tool to its end and returns what it prints; its own files are in `folder`. */
export function runTool(name: keyof typeof GO_TOOLS | "wkg", folder: string, ...args: string[]): string {
  const env = { ...process.env, HOME: folder, DOCKER_CONFIG: folder, COSIGN_PASSWORD: "" };
  const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
  const { path = "" } = name === "wkg" ? wkg() : goTool(name);
  return execFileSync(path, args, { cwd: folder, env, encoding: "utf8", stdio });
}

/** Calls `use` with a client and ends its connections afterwards. */
export async function withClient<T>(options: RegistryOptions, use: (client: RegistryClient) => Promise<T>): Promise<T> {
  const client = RegistryClient.create(options);
  return use(client).finally(() => client.close());
}

/** Pushes an artifact of ours blob by blob, as a tool for its layout would. */
export async function pushSample(image: string, { manifest, blobs }: Sample): Promise<void> {
  const reference = parseReference(image);
  await withClient({}, async (client) => {
    for (const [digest, bytes] of blobs) await client.upload(reference, { digest, size: bytes.length, bytes });
    await client.putManifest(reference, OCI_MANIFEST, Buffer.from(JSON.stringify(manifest)));
  });
}
