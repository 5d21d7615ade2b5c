import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { digestOf } from "../../oci/digest.ts";
import { cncfSample, COMPONENT } from "../../oci/layouts/samples.ts";
import { OCI_MANIFEST } from "../../oci/media-types.ts";
import { noise, startFakeRegistry } from "../../oci/registry/fake-registry.ts";
import { makeTemporaryFolder, repositoryFile } from "../harness.ts";

const LARGE = Buffer.concat([COMPONENT, noise(3_000_000)]);
const execute = promisify(execFile);

test("contract: a pull that the disk has no room for is RUNTIME_CACHE, leaves nothing half, and works once there is room", async () => {
  const sample = cncfSample(LARGE);
  const manifest = Buffer.from(JSON.stringify(sample.manifest));
  await using registry = await startFakeRegistry((_, response, path) => {
    if (path.includes("/manifests/")) return response.setHeader("content-type", OCI_MANIFEST).end(manifest);
    const blob = sample.blobs.get(path.split("/").at(-1) ?? "");
    return blob && response.end(blob);
  });
  const folder = makeTemporaryFolder();
  /** Pulls in a process whose files may be so large; returns the digest of the program, or the error's code. */
  const pull = async (maxFileBytes: string): Promise<string> => {
    const script = repositoryFile("test/oci/measured-pull.ts");
    const args = [`--fsize=${maxFileBytes}`, process.execPath, script, folder.path, `${registry.host}/app:1`];
    const { stdout } = await execute("prlimit", args);
    return (JSON.parse(stdout) as { outcome: string }).outcome;
  };
  try {
    expect(await pull("2000000")).toBe("RUNTIME_CACHE");
    const blobs = join(folder.path, "blobs");
    for (const name of readdirSync(blobs)) {
      expect(digestOf(readFileSync(join(blobs, name)))).toBe(name.replace("-", ":"));
    }
    for (const unfinished of ["partial", "temp"]) expect(readdirSync(join(folder.path, unfinished))).toEqual([]);
    expect(await pull("unlimited")).toBe(digestOf(LARGE));
  } finally {
    folder.remove();
  }
});
