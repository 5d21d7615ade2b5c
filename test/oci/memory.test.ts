import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { digestOf } from "../../oci/digest.ts";
import { cncfSample, MODULE, sample, type Sample } from "../../oci/layouts/samples.ts";
import { IMAGE_CONFIG, OCI_MANIFEST } from "../../oci/media-types.ts";
import { noise, startFakeRegistry, type Answer } from "../../oci/registry/fake-registry.ts";
import { makeTemporaryFolder, repositoryFile } from "../harness.ts";

/*
 * What pulling costs in memory, in a process of its own: as little when a registry floods it, and for a large program, as for
 * a small one.
 */

const MAX_GROWTH_BYTES = 100_000_000;
const LARGE_BYTES = 100_000_000;
const MAX_PULL_MS = 120_000;
const TAR = "application/vnd.oci.image.layer.v1.tar";

const execute = promisify(execFile);
const folders: { remove: () => void }[] = [];
afterAll(() => folders.forEach((folder) => folder.remove()));

/** Pulls from a registry that answers like this; returns by how much the memory grew, and the error's code or the digest. */
async function pullFrom(answer: Answer): Promise<{ growth: number; outcome: string }> {
  const folder = makeTemporaryFolder();
  folders.push(folder);
  await using registry = await startFakeRegistry(answer);
  const script = repositoryFile("test/oci/measured-pull.ts");
  const args = [script, folder.path, `${registry.host}/app:1`];
  const { stdout } = await execute(process.execPath, args, { timeout: MAX_PULL_MS });
  const { idle, peak, outcome } = JSON.parse(stdout) as { idle: number; peak: number; outcome: string };
  return { growth: peak - idle, outcome };
}

/** Writes a piece again and again until nobody listens any more, or a memory had been full. */
function flood(response: ServerResponse, piece: Buffer, maxBytes = 2 ** 30): true {
  let left = maxBytes;
  const write = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= piece.length;
      if (!response.write(piece)) return void response.once("drain", write);
    }
    response.end();
  };
  write();
  return true;
}

/** Serves a sample; `answerBlob` answers for its layer instead, where it is given. */
function serve({ manifest, blobs }: Sample, answerBlob?: (response: ServerResponse) => unknown): Answer {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const layer = manifest.layers[0]?.digest ?? "";
  return (_, response, path) => {
    if (path.includes("/manifests/")) return response.setHeader("content-type", OCI_MANIFEST).end(bytes);
    if (path.endsWith(layer) && answerBlob !== undefined) return answerBlob(response);
    const blob = blobs.get(path.split("/").at(-1) ?? "");
    return blob && response.end(blob);
  };
}

/** A program of so many bytes that are never all in this process's memory. */
function largeSample(piece: Buffer, times: number): { built: Sample; digest: string } {
  const hash = createHash("sha256").update(MODULE);
  for (let count = 0; count < times; count++) hash.update(piece);
  const digest = `sha256:${hash.digest("hex")}`;
  const built = cncfSample(MODULE, { layerDigests: [digest] });
  Object.assign(built.manifest.layers[0] ?? {}, { digest, size: MODULE.length + piece.length * times });
  return { built, digest };
}

test("contract: a program of 100 MB costs a pull no more memory than its buffers", async () => {
  const piece = noise(1_000_000);
  const { built, digest } = largeSample(piece, LARGE_BYTES / piece.length);
  const send = (response: ServerResponse): true => {
    response.write(MODULE);
    return flood(response, piece, LARGE_BYTES);
  };
  const { growth, outcome } = await pullFrom(serve(built, send));
  expect(outcome).toBe(digest);
  expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
});

const zeros = Buffer.alloc(64 * 1024 * 1024);
const BOMB_PARTS = 20;
/** The head of an entry of a tar archive whose size is that of all zeros; the program comes after it. */
const bombHead = tarHead("zeros", zeros.length * BOMB_PARTS);

function tarHead(name: string, size: number): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write("0000644\u0000", 100);
  head.write(`${size.toString(8).padStart(11, "0")}\u0000`, 124);
  head.write("        0", 148);
  head.write("ustar\u000000", 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, 148);
  return head;
}

/** An image of one layer as it is: nobody knows what it unpacks to. */
function image(mediaType: string, layer: Buffer): Sample {
  const rootfs = { type: "layers", diff_ids: [digestOf(layer)] };
  const config = { os: "wasi", architecture: "wasm", config: { Entrypoint: ["/app.wasm"] }, rootfs };
  return sample(IMAGE_CONFIG, config, [[mediaType, layer]]);
}

function bomb(kind: string, compress: (bytes: Buffer) => Buffer): Answer {
  const layer = Buffer.concat([compress(bombHead), ...Array.from({ length: BOMB_PARTS }, () => compress(zeros))]);
  return serve(image(`${TAR}${kind}`, layer));
}

function entries(): Answer {
  const some = Buffer.concat(Array.from({ length: 10_000 }, (_, index) => tarHead(`d${index}`.repeat(15), 0)));
  const compressed = gzipSync(some);
  const layer = Buffer.concat(Array.from({ length: 100 }, () => compressed));
  return serve(image(`${TAR}+gzip`, layer));
}

const confetti = largeSample(Buffer.from("x"), 200_000);
const PIECES = Buffer.from("1\r\nx\r\n".repeat(10_000));

const hostile: [name: string, outcome: string, answer: () => Answer][] = [
  ["an endless manifest", "OCI_TOO_LARGE", () => (_, response) => flood(response, noise(64 * 1024))],
  [
    "an endless blob",
    "OCI_SIZE_MISMATCH",
    () => serve(largeSample(noise(1000), 100).built, (response) => flood(response, noise(64 * 1024))),
  ],
  [
    "a blob in pieces of one byte",
    confetti.digest,
    () =>
      serve(confetti.built, (response) => {
        // As they are on the wire: this process has something else to do than to make each of them.
        response.socket?.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n`);
        response.socket?.write(MODULE);
        response.socket?.write("\r\n");
        for (let count = 0; count < 20; count++) response.socket?.write(PIECES);
        return response.socket?.write("0\r\n\r\n");
      }),
  ],
  ["a bomb in gzip", "OCI_TOO_LARGE", () => bomb("+gzip", (bytes) => gzipSync(bytes))],
  [
    "a bomb in zstd",
    "OCI_TOO_LARGE",
    () => bomb("+zstd", (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 0 } })),
  ],
  ["an archive of entries without end", "OCI_TOO_LARGE", entries],
  [
    "headers without end",
    "OCI_UNREACHABLE",
    () => (request) => {
      request.socket.write("HTTP/1.1 200 OK\r\n");
      const write = (): void => {
        while (!request.socket.destroyed)
          if (!request.socket.write(`x-long: ${"a".repeat(4000)}\r\n`)) return void request.socket.once("drain", write);
      };
      write();
      return true;
    },
  ],
  [
    "401 to everything, at length",
    "OCI_UNAUTHORIZED",
    () => (request, response, path) => {
      if (path.startsWith("/token")) return response.end(JSON.stringify({ token: "t".repeat(8000) }));
      const realm = `Bearer realm="http://${request.headers.host}/token",service="${"s".repeat(3000)}"`;
      response.writeHead(401, { "www-authenticate": Array.from({ length: 3 }, () => realm) });
      return flood(response, noise(64 * 1024));
    },
  ],
];

test.each(hostile)("hostile registry: %s costs no memory and is %s", async (_, expected, answer) => {
  const { growth, outcome } = await pullFrom(answer());
  expect(outcome).toBe(expected);
  expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
});

test("digests of samples that are never whole here are right", () => {
  expect(largeSample(Buffer.from("ab"), 2).digest).toBe(digestOf(Buffer.concat([MODULE, Buffer.from("abab")])));
});
