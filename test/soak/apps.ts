import { readFileSync, writeFileSync } from "node:fs";
import { appManifest, repositoryFile, type Manifest } from "../harness.ts";

/** An app of a soak: what runs, what its clients ask for and what they may be answered. */
export interface SoakApp {
  name: string;
  file: string;
  spec?: Record<string, unknown>;
  /** What its clients ask for, in turns; none for a command. */
  paths: readonly string[];
  statuses: readonly number[];
  clients: number;
  pauseMs?: number;
}

const HELLO_RUST = "examples/hello-rust/hello-rust.wasm";
const PROBE = "test/guests/probe.wasm";

/** Guests of all kinds: both engines, WASI 0.2 and 0.3, a command; that answer, wait, compute, print, trap and never end. */
export const APPS: readonly SoakApp[] = [
  { name: "hello", file: HELLO_RUST, paths: ["/"], statuses: [200], clients: 3 },
  {
    name: "kept",
    file: "examples/hello-c/hello-c.wasm",
    spec: { isolation: { reuse: "Instance" } },
    paths: ["/"],
    statuses: [200],
    clients: 3,
  },
  {
    name: "picture",
    file: "examples/image-rust/image-rust.wasm",
    paths: ["/?width=120&height=80&iterations=60"],
    statuses: [200],
    clients: 1,
  },
  {
    name: "waits",
    file: PROBE,
    paths: ["/sleep?ms=20", "/stream?chunks=5&ms=10", "/hello", "/alloc?mb=8"],
    statuses: [200],
    clients: 3,
  },
  { name: "sleeper", file: PROBE, paths: ["/sleep?ms=1500"], statuses: [200], clients: 2 },
  { name: "newest", file: "test/guests/probe-p3.wasm", paths: ["/hello"], statuses: [200], clients: 2 },
  {
    name: "apart",
    file: HELLO_RUST,
    spec: { isolation: { cell: "App" } },
    paths: ["/"],
    statuses: [200],
    clients: 2,
  },
  { name: "prints", file: PROBE, paths: ["/print?lines=100&bytes=100"], statuses: [200], clients: 1, pauseMs: 100 },
  { name: "traps", file: PROBE, paths: ["/trap-before", "/never"], statuses: [502], clients: 1 },
  {
    name: "loops",
    file: PROBE,
    spec: { limits: { requestTimeoutSeconds: 1 } },
    paths: ["/loop"],
    statuses: [503, 504],
    clients: 1,
    pauseMs: 4000,
  },
  {
    name: "rated",
    file: HELLO_RUST,
    spec: { limits: { requestsPerSecond: 5 } },
    paths: ["/"],
    statuses: [200, 429],
    clients: 1,
  },
  {
    name: "crowded",
    file: PROBE,
    spec: { limits: { concurrency: 1 } },
    paths: ["/sleep?ms=50"],
    statuses: [200, 503],
    clients: 6,
  },
  {
    name: "command",
    file: "test/guests/command.wasm",
    spec: { trigger: { command: { args: ["hello"], restartPolicy: "Never" } } },
    paths: [],
    statuses: [],
    clients: 0,
  },
];

/** Returns an app that comes and goes. */
export function extraApp(name: string): SoakApp {
  return { name, file: HELLO_RUST, paths: ["/"], statuses: [200], clients: 1 };
}

/** Returns an app's manifest; `version` makes it another than before, and `file` is the artifact where it is not the app's own. */
export function manifestOf(app: SoakApp, version: number, file = repositoryFile(app.file)): Manifest {
  return appManifest(app.name, file, { spec: { ...app.spec, env: [{ name: "VERSION", value: String(version) }] } });
}

/** Writes an app's artifact with a custom section more: the same program in bytes that no node has seen. */
export function writeVariant(app: SoakApp, file: string, mark: string): void {
  const name = Buffer.from("soak");
  const content = Buffer.concat([Buffer.from([name.length]), name, Buffer.from(mark)]);
  // Sections shorter than 128 bytes have a size of one byte (LEB128).
  const section = Buffer.concat([Buffer.from([0, content.length]), content]);
  writeFileSync(file, Buffer.concat([readFileSync(repositoryFile(app.file)), section]));
}
