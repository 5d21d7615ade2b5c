import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack, type Header, type Pack } from "tar-stream";
import { modeInImage } from "./modes.ts";

/** A layer: what decides its content, and how its folder is filled. */
export interface LayerSource {
  name: "base" | "packages" | "app" | "qemu";
  key: string;
  fill: (folder: string) => Promise<void>;
}

/** A layer as a compressed archive on disk. */
export interface Layer {
  name: LayerSource["name"];
  file: string;
  /** Of the compressed archive. */
  digest: string;
  size: number;
  /** Digest of the archive before it was compressed. */
  diffId: string;
}

/** Goes into the keys of the cache: counted up when archives of the same files change. */
const FORMAT = "1";
const EPOCH = new Date(0);

/** Returns the archive of a layer; builds it unless one of the same key is in the cache. The same files make the same bytes. */
export async function buildLayer(source: LayerSource, cacheFolder: string): Promise<Layer> {
  const key = createHash("sha256").update(`${FORMAT}\n${source.name}\n${source.key}`).digest("hex").slice(0, 32);
  const file = join(cacheFolder, "layers", `${source.name}-${key}.tar.gz`);
  const known = await readFile(`${file}.json`, "utf8").catch(() => undefined);
  if (known !== undefined) return { ...(JSON.parse(known) as Layer), file };
  const folder = `${file}.${process.pid}.root`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    await source.fill(folder);
    const layer = { name: source.name, ...(await writeArchive(folder, `${file}.${process.pid}.tmp`)) };
    await rename(`${file}.${process.pid}.tmp`, file);
    await writeFile(`${file}.json`, JSON.stringify(layer));
    return { ...layer, file };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeArchive(folder: string, file: string): Promise<Omit<Layer, "name" | "file">> {
  const archive = pack();
  const plain = createHash("sha256");
  const compressed = createHash("sha256");
  let size = 0;
  const written = pipeline(
    archive,
    tap((chunk) => plain.update(chunk)),
    createGzip(),
    tap((chunk) => {
      compressed.update(chunk);
      size += chunk.length;
    }),
    createWriteStream(file),
  );
  await addFolder(archive, folder, "");
  archive.finalize();
  await written;
  return { digest: `sha256:${compressed.digest("hex")}`, size, diffId: `sha256:${plain.digest("hex")}` };
}

function tap(see: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      see(chunk);
      done(null, chunk);
    },
  });
}

async function addFolder(archive: Pack, root: string, inner: string): Promise<void> {
  for (const name of (await readdir(join(root, inner))).sort()) {
    const path = inner === "" ? name : `${inner}/${name}`;
    const stats = await lstat(join(root, path));
    if (stats.isDirectory()) {
      archive.entry({ ...header(`${path}/`), type: "directory", mode: modeInImage(stats) });
      await addFolder(archive, root, path);
    } else if (stats.isSymbolicLink()) {
      archive.entry({ ...header(path), type: "symlink", linkname: await readlink(join(root, path)) });
    } else {
      await addFile(archive, join(root, path), { ...header(path), mode: modeInImage(stats), size: stats.size });
    }
  }
}

async function addFile(archive: Pack, file: string, header: Partial<Header> & { name: string }): Promise<void> {
  const entry = archive.entry(header);
  await pipeline(createReadStream(file), entry);
}

function header(name: string): Pick<Header, "name" | "mtime" | "uid" | "gid"> {
  return { name, mtime: EPOCH, uid: 0, gid: 0 };
}
