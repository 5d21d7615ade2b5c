import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { on, once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { COMMANDS } from "../cli/commands.ts";
import { RUN_CONFIG } from "../image/archive.ts";
import { buildImage, fillFolders, type BuiltImage } from "../image/build.ts";
import { APP_FOLDER, CACHE_FOLDER, LEFT_OUT_PACKAGES, USER_ID } from "../image/contents.ts";
import { OWN_PLATFORM } from "../image/platform.ts";
import type { Comparison } from "../startup/measure.ts";
import { repositoryFile } from "./harness.ts";

/*
 * The image, run as a container runs it but without an engine: a mount namespace of its own, the root read-only, the
 * user that the image names, and nothing writable but /tmp and the cache.
 */

const MAX_COMPRESSED_BYTES = 80 * 2 ** 20;

/** Why this machine cannot build or run the image. */
const lack = ["apt-get", "dpkg-deb", "unshare", "chroot"]
  .filter((tool) => spawnSync(tool, ["--version"]).error !== undefined)
  .map((tool) => `there is no ${tool}`)
  .concat(process.getuid?.() === 0 ? [] : ["only root may run it"])
  .join(", ");
if (lack !== "") process.stderr.write(`skipped test/image.test.ts: ${lack}\n`);

const MOUNTS = `set -e
mount --bind "$0" "$0"
mount -t tmpfs -o mode=1777 tmp "$0/tmp"
mount -t tmpfs -o uid=${USER_ID},gid=${USER_ID} cache "$0${CACHE_FOLDER}"
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
[ -z "$APPS" ] || mount --bind "$APPS" "$0/mnt"
mount -o remount,bind,ro "$0"
exec env -i $IMAGE_ENV "$(command -v chroot)" --userspec=${USER_ID}:${USER_ID} "$0" "$@"
`;

let image: BuiltImage;
let root: string;

beforeAll(async () => {
  if (lack !== "") return;
  image = await buildImage();
  root = mkdtempSync(join(tmpdir(), "wasmlet-image-"));
  chmodSync(root, 0o755);
  for (const { file } of image.layers) spawnSync("tar", ["-xzf", file, "-C", root]);
  for (const mountPoint of ["dev", "mnt", "proc"]) mkdirSync(join(root, mountPoint));
}, 300_000);

afterAll(() => {
  if (lack === "") rmSync(root, { recursive: true, force: true });
});

/** Starts a command in the image; `apps` is a folder that it sees as /mnt. */
function start(command: readonly string[], apps = ""): ChildProcess {
  const args = ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", MOUNTS, root, ...command];
  return spawn("unshare", args, {
    env: { ...process.env, APPS: apps, IMAGE_ENV: RUN_CONFIG.Env.join(" ") },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function run(command: readonly string[]): Promise<{ code: number; output: string }> {
  const child = start(command);
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  return { code, output };
}

/** Returns a script that says whether a file can be written. */
function attempt(path: string): string {
  return `try { fs.writeFileSync(${JSON.stringify(path)}, ""); "written" } catch (error) { error.code }`;
}

/** Lines with the type, mode, path and target of all that is in these folders together. */
function describeFiles(...folders: string[]): Set<string> {
  const args = [...folders, "-mindepth", "1", "-printf", "%y %m %P %l\\n"];
  const lines = spawnSync("find", args, { encoding: "utf8", maxBuffer: 2 ** 26 }).stdout.split("\n");
  return new Set(lines.map((line) => line.replace(/^l \d+/, "l")));
}

/** Paths in the image. */
function listImage(): string[] {
  return spawnSync("find", [".", "-type", "f"], { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 }).stdout.split("\n");
}

test.skipIf(lack !== "")("image: is small", () => {
  process.stdout.write(`image: ${(image.compressedBytes / 2 ** 20).toFixed(1)} MiB compressed\n`);
  expect(image.compressedBytes).toBeLessThan(MAX_COMPRESSED_BYTES);
});

test.skipIf(lack !== "")("image: holds no test, no type and no package for development", () => {
  const paths = listImage();
  expect(paths.length).toBeGreaterThan(500);
  expect(paths.filter((path) => /\.test\.[cm]?[jt]s$|\.d\.ts$|\.map$|\/fixtures/.test(path))).toEqual([]);
  const { devDependencies } = JSON.parse(readFileSync(repositoryFile("package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(devDependencies), ...Object.keys(LEFT_OUT_PACKAGES)]) {
    expect(paths.filter((path) => path.startsWith(`.${APP_FOLDER}/node_modules/${name}/`))).toEqual([]);
  }
});

test.skipIf(lack !== "")("image: holds no source of ours that nothing else in it names", () => {
  const sources = new Map(
    listImage()
      .filter((path) => path.startsWith(`.${APP_FOLDER}/`) && !path.includes("/node_modules/"))
      .map((path) => [path, readFileSync(join(root, path), "utf8")]),
  );
  const isNamed = (path: string): boolean =>
    [...sources].some(([other, text]) => other !== path && new RegExp(`["/]${basename(path)}["?]`).test(text));
  const paths = [...sources.keys()].filter((path) => path.endsWith(".ts"));
  expect(paths.length).toBeGreaterThan(300);
  expect(paths.filter((path) => !isNamed(path))).toEqual([]);
});

test.skipIf(lack !== "")(
  "image: the folders that the Containerfile copies hold the same files with the same modes",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "wasmlet-image-folders-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const umask = process.umask(0o077);
    try {
      await fillFolders(folder, OWN_PLATFORM, false);
    } finally {
      process.umask(umask);
    }
    const copied = describeFiles(...["base", "packages", "app"].map((layer) => join(folder, layer)));
    const built = describeFiles(root);
    for (const mountPoint of ["dev", "mnt", "proc"]) built.delete(`d 755 ${mountPoint} `);
    expect(copied.size).toBeGreaterThan(1000);
    expect([...copied].filter((line) => !built.has(line))).toEqual([]);
    expect([...built].filter((line) => !copied.has(line))).toEqual([]);
  },
);

test.skipIf(lack !== "")("image: every command loads, as the user of the image", async () => {
  expect(await run([...RUN_CONFIG.Entrypoint, "--version"])).toEqual({ code: 0, output: "0.1.0\n" });
  const identity = "process.getuid() + ':' + process.getgid()";
  expect(await run(["/usr/bin/node", "-p", identity])).toEqual({ code: 0, output: `${RUN_CONFIG.User}\n` });
  const loadAll = `import("${APP_FOLDER}/cli/commands.ts").then(async ({ COMMANDS }) => {
    for (const { load } of COMMANDS) await load();
    console.log(COMMANDS.length);
  })`;
  expect(await run(["/usr/bin/node", "-e", loadAll])).toEqual({ code: 0, output: `${COMMANDS.length}\n` });
});

test.skipIf(lack !== "")("image: compares starts, and says that virtual machines want another image", async () => {
  const bench = ["bench", "startup", "--technologies", "wasm-wake,process,microvm", "--samples", "1", "--starts-only"];
  const { output } = await run([...RUN_CONFIG.Entrypoint, ...bench, "-o", "json"]);
  const { contenders, missing } = JSON.parse(output.slice(output.indexOf("{"))) as Comparison;
  expect(contenders.map(({ name }) => name)).toEqual(["wasm-wake", "process"]);
  expect(missing).toEqual([
    { contender: "microvm", why: expect.stringContaining("qemu-system-x86_64 is not on PATH") },
  ]);
});

test.skipIf(lack !== "")("image: nothing but /tmp and the cache can be written", async () => {
  expect((await run(["/usr/bin/node", "-p", attempt(`${APP_FOLDER}/new`)])).output).toBe("EROFS\n");
  expect((await run(["/usr/bin/node", "-p", attempt(`${CACHE_FOLDER}/new`)])).output).toBe("written\n");
});

test.skipIf(lack !== "")("image: serves an app as process 1, and ends on SIGTERM with nothing left", async () => {
  const apps = mkdtempSync(join(tmpdir(), "wasmlet-image-apps-"));
  chmodSync(apps, 0o755);
  onTestFinished(() => rmSync(apps, { recursive: true, force: true }));
  cpSync(repositoryFile("examples/hello-rust/hello-rust.wasm"), join(apps, "hello-rust.wasm"));
  const manifest = readFileSync(repositoryFile("examples/hello-rust/manifest.yaml"), "utf8");
  writeFileSync(join(apps, "manifest.yaml"), manifest.replace(/^ +wasmlet\.dev\/port:.*\n/m, ""));
  const serve = ["serve", "/mnt", "--management-port", "0", "--cells", "1", "--port-base", "0", "-o", "json"];
  const child = start([...RUN_CONFIG.Entrypoint, ...serve], apps);
  onTestFinished(() => void child.kill("SIGKILL"));
  const url = await readyUrl(child);
  expect(await (await fetch(url)).text()).toContain("Hello");
  const [processOne = ""] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
  const members = readFileSync(`/proc/${processOne}/task/${processOne}/children`, "utf8").trim().split(" ");
  expect(members.length).toBeGreaterThanOrEqual(1);
  child.stdout?.resume();
  process.kill(Number(processOne), "SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(members.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
});

/** Returns where the first app that is ready answers, as the log says. */
async function readyUrl(child: ChildProcess): Promise<string> {
  const lines: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => lines.push(chunk.toString()));
  for await (const line of on(createInterface({ input: child.stdout! }), "line", { close: ["close"] })) {
    lines.push(String(line));
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(String(line)) ?? [];
    if (url !== undefined && String(line).includes("hello-rust")) return url;
  }
  throw new Error(`no app became ready:\n${lines.join("\n")}`);
}
