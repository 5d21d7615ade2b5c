import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { setModes } from "./modes.ts";

test("modes: say who may run a file and who may write to a folder, and nothing of the user's umask", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wasmlet-modes-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const given = { "a/program": 0o700, "a/text": 0o600, "a/shown": 0o664 };
  await mkdir(join(folder, "a"), { mode: 0o700 });
  await mkdir(join(folder, "tmp"));
  await chmod(join(folder, "tmp"), 0o1777);
  for (const [path, mode] of Object.entries(given)) await writeFile(join(folder, path), "", { mode });
  await symlink("nowhere", join(folder, "a/link"));
  await setModes(folder);
  const modeOf = async (path: string): Promise<number> => (await stat(join(folder, path))).mode & 0o7777;
  expect(await Promise.all(["a", "a/program", "a/text", "a/shown", "tmp"].map(modeOf))).toEqual([
    0o755, 0o755, 0o644, 0o644, 0o1777,
  ]);
});
