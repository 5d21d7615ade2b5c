import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { knownCode } from "../../common/error-codes.ts";
import { WasmletError } from "../../common/errors.ts";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import { cacheError, isSystemError } from "../artifacts/cache-error.ts";
import { readPreparedArtifact, type PreparedArtifact } from "../artifacts/prepared-artifact.ts";
import { readPrepareReply, type PrepareReply } from "../prepare/protocol.ts";
import { describeExit, PREPARER_MAIN, startChild } from "./child-process.ts";

/** Preparers that run at a time: each uses a core. */
const MAX_CONCURRENT = 2;
const LIMITS: PrepareLimits = { maxSeconds: 120, maxResidentBytes: 1536 * 1024 * 1024 };
const WATCH_INTERVAL_MS = 100;
const MAX_HEAP_MB = 1024;

/** What one preparer may take; it is killed at the limit. */
export interface PrepareLimits {
  maxSeconds: number;
  maxResidentBytes: number;
}

/** How many want an artifact that is to be prepared. */
interface Wanted {
  by: number;
}

/** Prepares artifacts in disposable child processes, each artifact once however many ask for it. */
export class Preparer {
  readonly #store: ArtifactStore;
  readonly #limits: PrepareLimits;
  readonly #main: string;
  readonly #running = new Map<string, { prepared: Promise<PreparedArtifact>; wanted: Wanted }>();
  #slots = MAX_CONCURRENT;
  #waiting: (() => void)[] = [];
  /** Process ids of the children at work. */
  readonly pids = new Set<number>();

  /** `main` is the preparer's entry point. */
  constructor(store: ArtifactStore, limits: Partial<PrepareLimits> = {}, main = PREPARER_MAIN) {
    this.#store = store;
    this.#limits = { ...LIMITS, ...limits };
    this.#main = main;
  }

  /**
   * Returns the prepared artifact of a blob in the store; throws ARTIFACT_* or PREPARE_* errors. What nobody wants any more when
   * its turn comes is not prepared: a manifest that flips leaves no queue behind.
   */
  async prepare(digest: string, signal?: AbortSignal): Promise<PreparedArtifact> {
    const found = this.#store.findPrepared(digest);
    if (found !== undefined) return found;
    const wanted = this.#running.get(digest)?.wanted ?? { by: 0 };
    if (signal?.aborted !== true) wanted.by++;
    signal?.addEventListener("abort", () => wanted.by--, { once: true });
    const prepared =
      this.#running.get(digest)?.prepared ??
      this.#prepareInTurn(digest, wanted).finally(() => this.#running.delete(digest));
    this.#running.set(digest, { prepared, wanted });
    return prepared;
  }

  async #prepareInTurn(digest: string, wanted: Wanted): Promise<PreparedArtifact> {
    if (this.#slots === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#slots--;

    const directory = this.#store.makeTemporary();
    try {
      if (wanted.by === 0) throw new WasmletError("PREPARE_CRASHED", "nobody wants the artifact any more");
      onDisk(directory, () => mkdirSync(directory));
      const reply = await this.#runChild(this.#store.blobFile(digest), directory);
      if (reply.type === "refused" || readPreparedArtifact(directory).digest !== digest) this.#checkBlob(digest);
      if (reply.type === "refused") throw refusalOf(reply.error);
      return onDisk(directory, () => {
        this.#store.publishPrepared(directory, digest);
        return readPreparedArtifact(this.#store.preparedDirectory(digest));
      });
    } finally {
      rmSync(directory, { recursive: true, force: true });
      const next = this.#waiting.shift();
      if (next === undefined) this.#slots++;
      else next();
    }
  }

  /** Throws ARTIFACT_CACHE_CORRUPT, and lets go of the blob, when it is another than came: the artifact is not at fault then. */
  #checkBlob(digest: string): void {
    const file = this.#store.blobFile(digest);
    const actual = `sha256:${createHash("sha256").update(readFileSync(file)).digest("hex")}`;
    if (actual === digest) return;
    this.#store.dropBlob(digest);
    throw new WasmletError("ARTIFACT_CACHE_CORRUPT", "an artifact in the cache is damaged, and is brought here again", {
      where: file,
      expected: digest,
      actual,
    });
  }

  #runChild(file: string, directory: string): Promise<PrepareReply> {
    const child = startChild(this.#main, {
      maxHeapMb: MAX_HEAP_MB,
      files: { read: [file, directory], write: [directory] },
    });
    const { maxSeconds, maxResidentBytes } = this.#limits;
    return new Promise((resolve, reject) => {
      let reply: PrepareReply | undefined;
      let limit: string | undefined;
      const stopAt = (why: string): void => {
        limit = why;
        child.kill("SIGKILL");
      };
      const deadline = setTimeout(() => stopAt(`${maxSeconds} seconds`), maxSeconds * 1000);
      const watch = setInterval(() => {
        if (residentBytes(child.pid) > maxResidentBytes) stopAt(`${maxResidentBytes} bytes of memory`);
      }, WATCH_INTERVAL_MS);
      child.on("message", (message) => (reply ??= readPrepareReply(message)));
      child.stderr?.resume();
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        clearTimeout(deadline);
        clearInterval(watch);
        if (child.pid !== undefined) this.pids.delete(child.pid);
        if (reply !== undefined) resolve(reply);
        else if (limit !== undefined) reject(new WasmletError("PREPARE_LIMIT", `preparing took more than ${limit}`));
        else reject(new WasmletError("PREPARE_CRASHED", `the preparer ${describeExit(code, signal)}`));
      });
      if (child.pid !== undefined) this.pids.add(child.pid);
      child.send({ file, directory });
    });
  }
}

/** Does something with the store's files; throws RUNTIME_CACHE where the system fails of it. */
function onDisk<Result>(directory: string, work: () => Result): Result {
  try {
    return work();
  } catch (thrown) {
    throw isSystemError(thrown) ? cacheError("what is prepared cannot be kept", directory, thrown) : thrown;
  }
}

function refusalOf({
  code,
  message,
  expected,
  actual,
}: Extract<PrepareReply, { type: "refused" }>["error"]): WasmletError {
  const known = knownCode(code, "ARTIFACT_INVALID");
  return new WasmletError(known, message, {
    ...(expected !== undefined && { expected }),
    ...(actual !== undefined && { actual }),
  });
}

/** The resident memory of a process; 0 where the system does not tell. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
  } catch {
    return 0;
  }
}
