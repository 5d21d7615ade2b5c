import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PreparedArtifact } from "../../node-runtime/artifacts/prepared-artifact.ts";
import type { Engine, Instance, Program } from "../../node-runtime/engine/engine.ts";
import { prepareArtifact } from "../../node-runtime/prepare/pipeline.ts";
import type { Clock } from "../../node-runtime/wasi/clocks/clock.ts";
import { WasiHost, type HostOptions } from "../../node-runtime/wasi/host.ts";
import { createIncomingRequest } from "../../node-runtime/wasi/http/incoming.ts";
import { createResponseOutparam } from "../../node-runtime/wasi/http/outparam-fixture.ts";
import type { ResponseOutcome } from "../../node-runtime/wasi/http/response.ts";
import { BytePipe } from "../../node-runtime/wasi/io/byte-pipe.ts";
import type { ByteSink, ByteSource } from "../../node-runtime/wasi/io/byte-source.ts";
import { EgressPolicy } from "../../node-runtime/wasi/sockets/egress.ts";

/** The most memory of every guest here. */
export const MAX_MEMORY_BYTES = 16 * 1024 * 1024;

/** A guest as an engine gets it: prepared, its files in a folder. */
interface PreparedGuest {
  artifact: PreparedArtifact;
  directory: string;
}

/** Prepares guests once each, in a folder of its own. */
export class GuestShelf {
  readonly #root = mkdtempSync(join(tmpdir(), "wasmlet-conformance-"));
  readonly #guests = new Map<string, Promise<PreparedGuest>>();
  #made = 0;

  /** Returns the prepared form of a `.wasm` file, for one engine where there is a choice. */
  take(file: string, engine?: Engine["name"]): Promise<PreparedGuest> {
    const key = `${engine} ${file}`;
    const known = this.#guests.get(key);
    if (known !== undefined) return known;
    const directory = mkdtempSync(join(this.#root, "guest-"));
    const options = engine === "lean" || engine === "jco" ? { componentEngine: engine } : {};
    const guest = prepareArtifact(file, directory, options).then((artifact) => ({ artifact, directory }));
    this.#guests.set(key, guest);
    return guest;
  }

  /** Keeps bytes as a file that `take` accepts. */
  keep(bytes: Uint8Array): string {
    const file = join(this.#root, `made-${this.#made++}.wasm`);
    writeFileSync(file, bytes);
    return file;
  }

  /** Removes everything. */
  clear(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Compiles a prepared guest with an engine, its memory bounded to 16 MiB. */
export function loadGuest(engine: Engine, { artifact, directory }: PreparedGuest): Program {
  return engine.load(artifact, directory, { maxMemoryBytes: MAX_MEMORY_BYTES });
}

/** What a guest wrote, as text. */
class TextSink implements ByteSink {
  #chunks: Uint8Array[] = [];

  get text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  capacity(): number {
    return 64 * 1024;
  }

  write(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
  }

  flushed(): boolean {
    return true;
  }

  subscribe(wake: () => void): () => void {
    wake();
    return () => {};
  }
}

/** A host with nothing in it but what a case names, and what the guest printed there. */
export interface TestHost {
  host: WasiHost;
  stdout: TextSink;
  stderr: TextSink;
}

/** Makes a host; deny by default, as in a cell. */
export function makeHost({
  args = [],
  input = "",
  ...options
}: { args?: readonly string[]; input?: string } & Partial<Omit<HostOptions, "args">> = {}): TestHost {
  const [stdout, stderr] = [new TextSink(), new TextSink()];
  const host = new WasiHost({
    args: ["guest", ...args],
    env: [],
    preopens: [],
    egress: EgressPolicy.parse([]),
    stdin: sourceOf(input),
    stdout,
    stderr,
    ...options,
  });
  return { host, stdout, stderr };
}

function sourceOf(text: string): ByteSource {
  const pipe = new BytePipe();
  pipe.write(Buffer.from(text));
  pipe.end();
  return pipe;
}

/** What one request came to. */
export interface Exchange {
  /** Settles when the guest returned; rejects when it trapped. */
  handled: Promise<void>;
  /** The answer, its body read to the end; never settles when there is none. */
  answer: Promise<{ status: number; headers: [string, string][]; body: string }>;
  isAnswered: () => boolean;
}

/** Sends a request straight into an instance. */
export function send(
  { host }: TestHost,
  instance: Instance,
  { path, method = "GET", body = "" }: { path: string; method?: string; body?: string | ByteSource },
): Exchange {
  const { outparam, outcome } = createResponseOutparam();
  const request = createIncomingRequest(host.scope, {
    method,
    scheme: "http",
    authority: "app.test",
    pathWithQuery: path,
    headers: () => [["x-case", Buffer.from("conformance")]],
    body: typeof body === "string" ? sourceOf(body) : body,
    trailers: () => Promise.resolve(undefined),
  });
  const handled = instance.handle!(request, outparam);
  return { handled, answer: outcome.then(readAnswer), isAnswered: () => outparam.isSet };
}

async function readAnswer(outcome: ResponseOutcome): Promise<Awaited<Exchange["answer"]>> {
  if (outcome.kind === "error") throw new Error(`answered with the error ${outcome.error.tag}`);
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = outcome.body.take(65_536);
    if (chunk === null) break;
    if (chunk !== undefined) chunks.push(chunk);
    else await new Promise<void>((resolve) => outcome.body.subscribe(resolve));
  }
  const headers = outcome.headers.map(([name, value]): [string, string] => [name, Buffer.from(value).toString()]);
  return { status: outcome.status, headers, body: Buffer.concat(chunks).toString("utf8") };
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #now = 0;
  #timers: { at: number; fire: () => void }[] = [];
  #onTimer: (() => void) | undefined;

  monotonicNs(): bigint {
    return BigInt(Math.round(this.#now * 1e6));
  }

  wallNs(): bigint {
    return this.monotonicNs();
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer = { at: this.#now + delayMs, fire };
    this.#timers.push(timer);
    this.#onTimer?.();
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  /** Resolves once `count` timers wait. */
  async untilWaiting(count: number): Promise<void> {
    while (this.#timers.length < count) await new Promise<void>((resolve) => (this.#onTimer = resolve));
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#now += ms;
    for (const { at, fire } of this.#timers) if (at <= this.#now) fire();
  }
}
