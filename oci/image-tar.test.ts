import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { extract } from "tar-stream";
import { afterAll, expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { makeTemporaryFolder } from "../test/harness.ts";
import { buildImageTar, layerTar } from "./image-tar.ts";

const temporary = makeTemporaryFolder();
afterAll(() => temporary.remove());

const options = { name: "localhost/probe:1", layers: [{ "/bin/probe": { bytes: "x", mode: 0o755 } }], config: {} };

async function entriesOf(archive: Buffer): Promise<Record<string, string>> {
  const entries: Record<string, string> = {};
  const tar = extract();
  tar.end(archive);
  for await (const entry of tar) {
    const { name, type, mode, linkname, mtime, uid } = entry.header;
    expect([mtime?.getTime(), uid]).toEqual([0, 0]);
    const contents = await text(entry);
    entries[name] = type === "symlink" ? `-> ${linkname}` : type === "file" ? `${mode?.toString(8)} ${contents}` : "";
  }
  return entries;
}

test("image tar: the index names the image, and every blob is what its digest says", async () => {
  const config = { Entrypoint: ["/bin/probe"] };
  const platform = { os: "wasi", architecture: "wasm" };
  const entries = await entriesOf(await buildImageTar({ ...options, config, platform }));
  const contents = (path: string): string => entries[path]?.slice(4) ?? "";
  const blobs = Object.keys(entries).filter((path) => path.startsWith("blobs/"));
  expect(blobs).toHaveLength(3);
  for (const path of blobs) {
    expect(`blobs/${digestOf(Buffer.from(contents(path))).replace(":", "/")}`).toBe(path);
  }
  const index = JSON.parse(contents("index.json"));
  expect(index.manifests).toEqual([
    expect.objectContaining({ platform, annotations: { "io.containerd.image.name": "localhost/probe:1" } }),
  ]);
  const manifest = JSON.parse(contents(at(index.manifests[0].digest)));
  const configuration = JSON.parse(contents(at(manifest.config.digest)));
  expect(configuration).toMatchObject({ ...platform, config });
  expect(configuration.rootfs.diff_ids).toEqual([manifest.layers[0].digest]);
});

test("image tar: the same files make the same bytes, in whatever order they are named", async () => {
  const files = { "/b": { bytes: "b" }, "/a": { bytes: "a" } };
  const turned = { "/a": { bytes: "a" }, "/b": { bytes: "b" } };
  const tars = await Promise.all([files, turned].map((layer) => buildImageTar({ ...options, layers: [layer] })));
  expect(tars[0]?.equals(tars[1] ?? Buffer.alloc(0))).toBe(true);
});

test("image tar: a layer has folders before what is in them, links, and folders of this machine", async () => {
  const folder = join(temporary.path, "tree");
  mkdirSync(join(folder, "inner"), { recursive: true });
  writeFileSync(join(folder, "inner", "run"), "#!");
  chmodSync(join(folder, "inner", "run"), 0o700);
  writeFileSync(join(folder, "left-out"), "");
  writeFileSync(join(folder, "text"), "t");
  chmodSync(join(folder, "text"), 0o600);
  symlinkSync("text", join(folder, "link"));
  const archive = await layerTar({
    "/usr/app": { from: folder, include: (path) => path !== "left-out" },
    "/bin/sh": { link: "busybox" },
  });
  const entries = await entriesOf(archive);
  expect(Object.entries(entries)).toEqual([
    ["bin/", ""],
    ["bin/sh", "-> busybox"],
    ["usr/", ""],
    ["usr/app/", ""],
    ["usr/app/inner/", ""],
    ["usr/app/inner/run", "755 #!"],
    ["usr/app/link", "-> text"],
    ["usr/app/text", "644 t"],
  ]);
});

function at(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}
