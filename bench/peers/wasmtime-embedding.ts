import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineChild } from "../line-child.ts";
import { CACHE } from "../runtime-under-test.ts";
import type { MissingPeer } from "./peer.ts";

/** The sources of the Rust program that embeds wasmtime. */
export const EMBEDDING_SOURCES = fileURLToPath(new URL("wasmtime-embedding/", import.meta.url));

/** Where build.ts builds it. */
export const EMBEDDING_TARGET = join(CACHE, "wasmtime-embedding");

const BINARY = join(EMBEDDING_TARGET, "release", "wasmtime-embedding");

/** The pool clears this much of a memory itself instead of asking the kernel: of 0, 128 KiB and 1 MiB the fastest. */
const KEEP_RESIDENT_BYTES = 128 * 1024;

/** Starts the embedding with the component in `file`. */
export function startEmbedding(file: string): LineChild | MissingPeer {
  if (!existsSync(BINARY)) return { missing: "the Rust embedding of wasmtime is not built: npm run bench:peers" };
  return new LineChild(BINARY, [file, String(KEEP_RESIDENT_BYTES)]);
}
