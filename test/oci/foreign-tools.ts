import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { OCI_MANIFEST } from "../../oci/media-types.ts";
import type { Sample } from "../../oci/layouts/samples.ts";
import { parseReference } from "../../oci/reference.ts";
import { RegistryClient, type RegistryOptions } from "../../oci/registry/client.ts";
import { goTool, wkg, type GO_TOOLS } from "./tools.ts";

/** Tools without an end fail the test that runs them. */
const MAX_TOOL_MS = 60_000;
const execute = promisify(execFile);

type Tool = keyof typeof GO_TOOLS | "wkg";

/** Runs a tool to its end and returns what it prints; its own files are in `folder`. */
export function runTool(name: Tool, folder: string, ...args: string[]): string {
  const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
  return execFileSync(pathOf(name), args, { cwd: folder, env: environmentIn(folder), encoding: "utf8", stdio });
}

/** Does the same while this process goes on, where the tool asks it for something. */
export async function runToolAside(name: Tool, folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(pathOf(name), args, {
    cwd: folder,
    env: environmentIn(folder),
    timeout: MAX_TOOL_MS,
  });
  return stdout;
}

function pathOf(name: Tool): string {
  return (name === "wkg" ? wkg() : goTool(name)).path ?? "";
}

function environmentIn(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, HOME: folder, DOCKER_CONFIG: folder, COSIGN_PASSWORD: "" };
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
