import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RUN_CONFIG } from "../image/archive.ts";
import { buildImage, type BuiltImage } from "../image/build.ts";
import { openCgroupView } from "../startup/drivers/cgroup-view.ts";
import type { Comparison } from "../startup/measure.ts";

/*
 * The image for comparing starts, run by an OCI runtime as the cluster runs its pod: the image's user, a read-only root, no
 * capability and none to be gained, a network of its own with nothing but the loopback, no /dev/kvm, and a writable /tmp.
 */

const MAX_QEMU_BYTES = 40 * 2 ** 20;
const COMPARE = ["bench", "startup", "--technologies", "wasm-wake,process,microvm", "--samples", "1", "--starts-only"];

/** Why this machine cannot build or run the image. */
const lack = ["apt-get", "apt-cache", "dpkg-deb", "crun", "unshare", "nsenter"]
  .filter((tool) => spawnSync(tool, ["--version"]).error !== undefined)
  .map((tool) => `there is no ${tool}`)
  .concat(process.arch === "x64" ? [] : ["QEMU has its microvm for amd64 alone"])
  .concat(process.getuid?.() === 0 ? [] : ["only root may run it"])
  .join(", ");
if (lack !== "") process.stderr.write(`skipped test/startup-probe-image.test.ts: ${lack}\n`);

/** A pod's container, as a kubelet configures it: https://github.com/opencontainers/runtime-spec/blob/main/config.md */
function podConfig(args: readonly string[]): unknown {
  const [uid, gid] = RUN_CONFIG.User.split(":").map(Number);
  const tmpfs = { type: "tmpfs", source: "tmpfs" };
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid, gid },
      args: [...RUN_CONFIG.Entrypoint, ...args],
      env: RUN_CONFIG.Env,
      cwd: RUN_CONFIG.WorkingDir,
      capabilities: { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] },
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", ...tmpfs, options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      { destination: "/tmp", ...tmpfs, options: ["nosuid", "nodev", "mode=1777"] },
    ],
    linux: {
      namespaces: ["pid", "ipc", "uts", "mount", "network"].map((type) => ({ type })),
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

/** Paths of the files in a layer. */
function listLayer({ file }: BuiltImage["layers"][number]): string[] {
  const { stdout } = spawnSync("tar", ["-tzf", file], { encoding: "utf8", maxBuffer: 2 ** 26 });
  return stdout.split("\n").filter((path) => path !== "" && !path.endsWith("/"));
}

describe.skipIf(lack !== "")("startup probe's image", () => {
  let plain: BuiltImage;
  let image: BuiltImage;
  let bundle: string;

  beforeAll(async () => {
    plain = await buildImage();
    image = await buildImage({ withQemu: true });
    bundle = mkdtempSync(join(tmpdir(), "wasmlet-probe-image-"));
    const root = join(bundle, "rootfs");
    mkdirSync(root);
    chmodSync(root, 0o755);
    for (const { file } of image.layers) spawnSync("tar", ["-xzf", file, "-C", root]);
    for (const mountPoint of ["dev", "proc", "sys"]) mkdirSync(join(root, mountPoint));
  }, 300_000);

  afterAll(() => {
    if (bundle !== undefined) rmSync(bundle, { recursive: true, force: true });
  });

  test("has the layers of the other image, and one more", () => {
    expect(image.layers.slice(0, -1).map(({ digest }) => digest)).toEqual(plain.layers.map(({ digest }) => digest));
    expect(image.layers.at(-1)?.name).toBe("qemu");
    expect(image.name).toBe("ghcr.io/wasmlet/wasmlet-startup-probe:0.1.0");
    expect(image.file).toMatch(/\/wasmlet-startup-probe-amd64\.tar$/);
  });

  test("is small, and replaces no file of the other image", () => {
    const qemu = image.layers.at(-1)!;
    process.stdout.write(`startup probe's image: QEMU adds ${(qemu.size / 2 ** 20).toFixed(1)} MiB compressed\n`);
    expect(qemu.size).toBeLessThan(MAX_QEMU_BYTES);
    const others = new Set(plain.layers.flatMap(listLayer));
    expect(listLayer(qemu).filter((path) => others.has(path))).toEqual([]);
  });

  test("starts virtual machines without any privilege", async () => {
    await using view = await openCgroupView(process.env["PATH"] ?? "");
    writeFileSync(join(bundle, "config.json"), JSON.stringify(podConfig([...COMPARE, "-o", "json"])));
    const run = ["--root", join(bundle, "state"), "run", "--bundle", bundle, `wasmlet-probe-image-${process.pid}`];
    const [program = "", ...args] = [...view.prefix, "crun", ...run];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(stderr).not.toContain("error");
    const { contenders, missing, samples } = JSON.parse(stdout) as Comparison;
    expect(missing).toEqual([]);
    expect(contenders.map(({ name, accelerator }) => `${name} ${accelerator}`)).toEqual([
      "wasm-wake none",
      "process none",
      "microvm tcg",
    ]);
    expect(samples.map(({ contender }) => contender)).toEqual(["wasm-wake", "process", "microvm"]);
  });
});
