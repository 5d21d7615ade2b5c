import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ArtifactStore } from "../../node-runtime/artifacts/artifact-store.ts";
import { withArtifacts } from "../../node-runtime/artifacts/oci-artifacts.ts";
import { digestOf } from "../../oci/digest.ts";
import { cncfSample, COMPONENT, spinSample, type SampleLayer } from "../../oci/layouts/samples.ts";
import { OCI_MANIFEST } from "../../oci/media-types.ts";
import { noise, startFakeRegistry, type Answer } from "../../oci/registry/fake-registry.ts";
import { makeTemporaryFolder, repositoryFile } from "../harness.ts";

/*
 * Pulls are killed at 50 points, evenly over the bytes that their registry sends. After each everything in the store is what
 * its name says, and the next pull goes on: what was whole is not sent again, and of what was not only the rest is.
 */

const KILLS = 50;
const AT_ONCE = 5;
const PIECE_BYTES = 4096;
const FILES = Array.from({ length: 24 }, (_, index) => noise(20_000 + index));

const layers = FILES.map((bytes): SampleLayer => ["application/vnd.wasm.content.layer.v1+data", bytes]);
const sample = spinSample(({ components: [web] }) => {
  Object.assign(web ?? {}, { files: FILES.map((bytes, index) => ({ path: `f${index}`, digest: digestOf(bytes) })) });
}, layers);
const manifest = Buffer.from(JSON.stringify(sample.manifest));
const totalBytes = [...sample.blobs.values()].reduce((sum, { length }) => sum + length, manifest.length);

const serveAll = serve(() => {});
/** What comes before the rest never does. */
const SERVED_FIRST = [sample.manifest.config, ...sample.manifest.layers.slice(0, 3)].map(({ digest }) => digest);

/** Fifty pulls that are killed and as many after them: a minute or two on a machine that has other things to do. */
const KILLS_TIMEOUT_MS = 400_000;

const folders: { remove: () => void }[] = [];
afterAll(() => folders.forEach((folder) => folder.remove()));

/** Serves the sample piece by piece and calls `onSent` after each with how many bytes were sent. */
function serve(onSent: (bytes: number) => void): Answer {
  let sent = 0;
  return (_, response, path) => {
    const name = path.split("/").at(-1) ?? "";
    const body = path.includes("/manifests/") ? manifest : sample.blobs.get(name);
    if (body === undefined) return undefined;
    if (body === manifest) response.setHeader("content-type", OCI_MANIFEST);
    response.setHeader("content-length", body.length);
    let offset = 0;
    const next = (): void => {
      if (offset >= body.length) return void response.end();
      const piece = body.subarray(offset, (offset += PIECE_BYTES));
      sent += piece.length;
      response.write(piece, () => {
        onSent(sent);
        next();
      });
    };
    next();
    return true;
  };
}

function startPull(folder: string, host: string): { child: ChildProcess; signal: Promise<NodeJS.Signals | null> } {
  const script = repositoryFile("test/oci/pulling.ts");
  const child = spawn(process.execPath, [script, folder, `${host}/app:1`], { stdio: ["ignore", "ignore", "inherit"] });
  const signal = once(child, "close").then(([, signal]) => signal as NodeJS.Signals | null);
  return { child, signal };
}

/** Kills a pull once its registry has sent so much; returns what was broken afterwards, and whether it was in time. */
async function killAfter(bytes: number): Promise<{ broken: string[]; wasKilled: boolean }> {
  const folder = makeTemporaryFolder();
  folders.push(folder);
  let child: ChildProcess | undefined;
  await using registry = await startFakeRegistry(serve((sent) => sent >= bytes && child?.kill("SIGKILL")));
  const pull = startPull(folder.path, registry.host);
  child = pull.child;
  const wasKilled = (await pull.signal) === "SIGKILL";
  return { broken: brokenBlobs(folder.path), wasKilled };
}

function brokenBlobs(folder: string): string[] {
  const blobs = join(folder, "blobs");
  return readdirSync(blobs).filter((name) => digestOf(readFileSync(join(blobs, name))) !== name.replace("-", ":"));
}

test(
  "contract: a pull that is killed at any point leaves a store that is right",
  async () => {
    const points = Array.from({ length: KILLS }, (_, index) => (totalBytes * (index + 1)) / (KILLS + 1));
    let kills = 0;
    while (points.length > 0) {
      const outcomes = await Promise.all(points.splice(0, AT_ONCE).map((bytes) => killAfter(bytes)));
      expect(outcomes.flatMap(({ broken }) => broken)).toEqual([]);
      kills += outcomes.filter(({ wasKilled }) => wasKilled).length;
    }
    // The last bytes may be on their way when the process has all that it needs.
    expect(kills).toBeGreaterThan(KILLS - 3);
  },
  KILLS_TIMEOUT_MS,
);

test("contract: a pull that was killed goes on where it was: what is whole is not sent again", async () => {
  const folder = makeTemporaryFolder();
  folders.push(folder);
  const store = new ArtifactStore(folder.path);
  const blobs = join(folder.path, "blobs");
  const kept = (): string[] => readdirSync(blobs).map((name) => name.replace("-", ":"));
  let isWhole = false;
  await using registry = await startFakeRegistry((request, response, path) =>
    // Only the first ones come; the others never do.
    !isWhole && path.includes("/blobs/") && !SERVED_FIRST.some((digest) => path.endsWith(digest))
      ? true
      : serveAll(request, response, path),
  );
  const watcher = watch(blobs);
  const pull = startPull(folder.path, registry.host);
  while (!SERVED_FIRST.every((digest) => kept().includes(digest))) await once(watcher, "change");
  watcher.close();
  pull.child.kill("SIGKILL");
  expect(await pull.signal).toBe("SIGKILL");

  const before = kept();
  isWhole = true;
  const asked = registry.requests.length;
  const image = `${registry.host}/app:1`;
  const { programs } = await withArtifacts(store, {}, (artifacts) => artifacts.obtain({ image }));
  const [{ digest, files }] = programs;
  expect(digest).toBe(digestOf(COMPONENT));
  expect([...files.values()].map((bytes) => bytes.length)).toEqual(FILES.map((bytes) => bytes.length));
  const sent = registry.requests
    .slice(asked)
    .filter((request) => request.startsWith("GET") && request.includes("/blobs/"))
    .map((request) => request.split("/").at(-1) ?? "");
  expect(sent.filter((name) => before.includes(name))).toEqual([]);
  store.sweep();
  expect(readdirSync(join(folder.path, "temp"))).toEqual([]);
});

const LARGE = Buffer.concat([COMPONENT, noise(8_000_000)]);
const HALF = LARGE.length / 2;

/** Serves one large program, from the start or from where it is asked; `limit` bytes of it, and then nothing more. */
function serveLarge(limit: number, onAsked: (offset: number) => void): Answer {
  const built = cncfSample(LARGE);
  const large = Buffer.from(JSON.stringify(built.manifest));
  return (request, response, path) => {
    if (path.includes("/manifests/")) return response.setHeader("content-type", OCI_MANIFEST).end(large);
    const blob = built.blobs.get(path.split("/").at(-1) ?? "");
    if (blob === undefined || blob.length < LARGE.length) return blob && response.end(blob);
    const offset = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    onAsked(offset);
    response.setHeader("content-length", blob.length - offset);
    if (offset > 0) response.writeHead(206, { "content-range": `bytes ${offset}-${blob.length - 1}/${blob.length}` });
    if (limit >= blob.length) return response.end(blob.subarray(offset));
    return response.write(blob.subarray(offset, limit));
  };
}

test("contract: a blob that a kill cut off is continued: only the rest is sent", async () => {
  const folder = makeTemporaryFolder();
  folders.push(folder);
  const store = new ArtifactStore(folder.path);
  const partial = join(folder.path, "partial");
  const written = (): number =>
    readdirSync(partial).reduce(
      (sum, name) => sum + (statSync(join(partial, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  await using first = await startFakeRegistry(serveLarge(HALF, () => {}));
  const watcher = watch(partial);
  const pull = startPull(folder.path, first.host);
  while (written() < HALF / 2) await once(watcher, "change");
  watcher.close();
  pull.child.kill("SIGKILL");
  expect(await pull.signal).toBe("SIGKILL");

  const there = written();
  const offsets: number[] = [];
  await using second = await startFakeRegistry(serveLarge(Number.POSITIVE_INFINITY, (offset) => offsets.push(offset)));
  const image = `${second.host}/app:1`;
  const { programs } = await withArtifacts(store, {}, (artifacts) => artifacts.obtain({ image }));
  expect(programs[0].digest).toBe(digestOf(LARGE));
  expect(offsets).toEqual([there]);
  expect(readdirSync(partial)).toEqual([]);
});
