import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { findKubeconfigs } from "./kubeconfig.ts";

test("kubeconfig: KUBECONFIG's files that are there come before the one in the home folder", async () => {
  const home = await mkdtemp(join(tmpdir(), "wasmlet-home-"));
  try {
    expect(findKubeconfigs({}, home)).toEqual([]);
    const [own, other] = [join(home, ".kube", "config"), join(home, "other")];
    await mkdir(join(home, ".kube"));
    await writeFile(own, "");
    await writeFile(other, "");
    expect(findKubeconfigs({}, home)).toEqual([own]);
    expect(findKubeconfigs({ KUBECONFIG: "" }, home)).toEqual([own]);
    const listed = ["/nowhere", other, "", other, own].join(delimiter);
    expect(findKubeconfigs({ KUBECONFIG: listed }, home)).toEqual([other, own]);
  } finally {
    await rm(home, { recursive: true });
  }
});
