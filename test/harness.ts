import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AppState, AppView, Runtime, RuntimeOptions } from "../node-runtime/runtime-api.ts";
import { FolderSource } from "../node-runtime/supervisor/folder-source.ts";
import { Supervisor } from "../node-runtime/supervisor/supervisor.ts";

/*
 * What the integration tests share: a real runtime over a temporary folder of manifests, waiting for states by events,
 * and small HTTP clients that never reuse a connection.
 */

const HOST = "127.0.0.1";

/** A manifest as a test writes it. */
export type Manifest = Record<string, unknown>;

/** What a test changes of `appManifest`'s app. */
export interface AppChanges {
  namespace?: string;
  port?: number;
  spec?: Record<string, unknown>;
}

/** A line that a guest printed, or a message of the runtime. */
export interface LoggedLine {
  kind: "info" | "warn" | "error" | "guest";
  text: string;
  app?: string;
}

/** A started runtime, with what a test needs to steer it. */
export interface TestRuntime extends Runtime {
  /** The folder of manifests. */
  readonly folder: string;
  readonly lines: LoggedLine[];
  /** Writes a manifest file anew; the runtime sees it by watching. */
  write(file: string, ...manifests: Manifest[]): void;
  delete(file: string): void;
  childPids(): { cells: number[]; spares: number[]; preparers: number[] };
}

/** An answer, read to its end. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: string;
  trailers: NodeJS.Dict<string>;
}

/** Returns the absolute path of a file of this repository, as `test/guests/probe.wasm`. */
export function repositoryFile(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** Returns the absolute path of a test guest, as `probe` or `command-p1`. */
export function guestFile(name: string): string {
  return repositoryFile(`test/guests/${name}.wasm`);
}

/** Returns a WasmApp manifest for an artifact file; the trigger is http unless `spec` says otherwise. */
export function appManifest(name: string, file: string, changes: AppChanges = {}): Manifest {
  const { namespace = "default", port, spec = {} } = changes;
  return {
    apiVersion: "wasmlet.dev/v1alpha1",
    kind: "WasmApp",
    metadata: {
      name,
      namespace,
      annotations: {
        "wasmlet.dev/source-path": file,
        ...(port !== undefined && { "wasmlet.dev/port": String(port) }),
      },
    },
    // The annotation stands in for the source, which a manifest must have nevertheless.
    spec: { source: { oci: { image: `registry.example.com/${name}:1` } }, ...spec },
  };
}

/** Returns a new temporary folder, and the function that removes it. */
export function makeTemporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "wasmlet-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a runtime over a temporary folder that holds `manifests`; `stop` ends it and removes the folder. */
export async function startTestRuntime(
  manifests: Manifest[],
  cacheDirectory: string,
  changes: Partial<RuntimeOptions> = {},
): Promise<TestRuntime> {
  const folder = makeTemporaryFolder();
  const lines: LoggedLine[] = [];
  const write = (file: string, ...documents: Manifest[]): void =>
    writeFileSync(
      join(folder.path, file),
      documents.map((document) => `--- ${JSON.stringify(document, null, 2)}\n`).join(""),
    );
  if (manifests.length > 0) write("apps.yaml", ...manifests);
  const options: RuntimeOptions = {
    folder: folder.path,
    host: HOST,
    firstPort: 0,
    managementHost: HOST,
    managementPort: 0,
    cacheDirectory,
    cells: 1,
    log: {
      info: (text) => lines.push({ kind: "info", text }),
      warn: (text) => lines.push({ kind: "warn", text }),
      error: (text) => lines.push({ kind: "error", text }),
      guest: (app, _stream, text) => lines.push({ kind: "guest", text, app }),
    },
    ...changes,
  };
  const supervisor = new Supervisor(options, new FolderSource(options.folder));
  try {
    await supervisor.start();
  } catch (thrown) {
    folder.remove();
    throw thrown;
  }
  return {
    folder: folder.path,
    lines,
    write,
    delete: (file) => rmSync(join(folder.path, file)),
    managementUrl: supervisor.managementUrl,
    apps: () => supervisor.apps(),
    problems: () => supervisor.problems(),
    onChange: (listener) => supervisor.onChange(listener),
    childPids: () => supervisor.childPids(),
    stop: async (graceMs) => {
      await supervisor.stop(graceMs);
      folder.remove();
    },
  };
}

/** Resolves once `condition` returns something, looked at now and after each change of an app's state. */
export function until<T>(runtime: Runtime, condition: () => T | undefined): Promise<T> {
  return new Promise((resolve) => {
    let undo: (() => void) | undefined;
    const look = (): void => {
      const found = condition();
      if (found === undefined) return;
      undo?.();
      resolve(found);
    };
    undo = runtime.onChange(look);
    look();
  });
}

/** Resolves to the app once it is in `state` and, where given, `also` holds; rejects when it ends up Failed instead. */
export async function untilApp(
  runtime: Runtime,
  name: string,
  state: AppState,
  also: (app: AppView) => boolean = () => true,
): Promise<AppView> {
  if (runtime.apps().length === 0 && runtime.problems().length > 0) throw runtime.problems()[0] ?? new Error(name);
  const app = await until(runtime, () =>
    runtime
      .apps()
      .find(
        (app) =>
          app.name === name && ((app.state === state && also(app)) || (app.state === "Failed" && state === "Ready")),
      ),
  );
  if (app.state !== state) throw new Error(`${name} is ${app.state}: ${app.reason ?? ""} ${app.message ?? ""}`);
  return app;
}

/** Resolves to the base URL of an http app once it is ready. */
export async function urlOf(runtime: Runtime, name: string): Promise<string> {
  const { urls } = await untilApp(runtime, name, "Ready", ({ urls }) => urls.length > 0);
  return urls[0] ?? "";
}

/** Sends a request on a connection of its own and reads the answer to its end; rejects when the connection is cut. */
export async function send(url: string, options: RequestOptions = {}, body?: string | Uint8Array): Promise<Answer> {
  const response = await open(url, options, body);
  return read(response);
}

/** Sends GET on a connection of its own. */
export function get(url: string, options: RequestOptions = {}): Promise<Answer> {
  return send(url, options);
}

/** Sends a request on a connection of its own; resolves with the head of the answer. */
export function open(url: string, options: RequestOptions = {}, body?: string | Uint8Array): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent: false, ...options }, resolve);
    request.on("error", reject);
    request.end(body);
  });
}

/** Reads an answer to its end; rejects when the connection is cut. */
export async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: Buffer.concat(chunks).toString(),
    trailers: response.trailers,
  };
}

/** Returns the sum of a metric's samples whose labels contain `labels`, as `app="probe"`; undefined when there is none. */
export async function metric(
  runtime: Pick<Runtime, "managementUrl">,
  name: string,
  labels = "",
): Promise<number | undefined> {
  const { body } = await get(`${runtime.managementUrl}/metrics`);
  const samples = body
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels));
  if (samples.length === 0) return undefined;
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** The status of a new request, or the code of the error that the client sees. */
export async function statusOrRefused(url: string): Promise<number | string | undefined> {
  try {
    return (await get(`${url}/hello`)).status;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code;
  }
}
