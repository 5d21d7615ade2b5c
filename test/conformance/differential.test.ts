import { componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test, type TestContext } from "vitest";
import { ENGINES } from "../../node-runtime/engine/engines.ts";
import { GuestShelf, loadGuest, makeHost, ManualClock, send } from "./test-bed.ts";

/*
 * The lean engine against jco's: the same guest and the same request through both yield the same bytes. jco is the
 * oracle of what a component means.
 */

const shelf = new GuestShelf();
afterAll(() => shelf.clear());

const repository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const ORACLE_AND_SUBJECT = [ENGINES.jco, ENGINES.lean] as const;

interface Request {
  path: string;
  method?: string;
  body?: string;
}

const REQUESTS: Request[] = [
  { path: "/" },
  { path: "/?name=a%20b" },
  { path: `/${"long".repeat(500)}` },
  { path: "/%F0%9F%A6%80?ü" },
  { path: "/", method: "HEAD" },
  { path: "/submit", method: "POST", body: "x".repeat(100_000) },
];

const PROBE_REQUESTS: Request[] = [
  ...REQUESTS,
  ...["/hello", "/status?code=503", "/method?x=1", "/headers", "/set-headers", "/preopens", "/env", "/count"].map(
    (path) => ({ path }),
  ),
  { path: "/method", method: "X-OTHER" },
  { path: "/echo", method: "POST", body: "ünïcödé 🦀".repeat(20_000) },
  { path: "/fetch?url=http://127.0.0.1:9/" },
  { path: "/fetch?url=not-a-url" },
];

const HTTP_GUESTS: [file: string, requests: Request[]][] = [
  ["examples/hello-rust/hello-rust.wasm", REQUESTS],
  ["examples/hello-c/hello-c.wasm", REQUESTS],
  ["examples/image-rust/image-rust.wasm", [{ path: "/?width=64&height=48" }, { path: "/nonsense?width=x" }]],
  ["examples/caller-rust/caller-rust.wasm", [{ path: "/" }, { path: "/?url=http://127.0.0.1:9/" }]],
  ["examples/hello-js/hello-js.wasm", [{ path: "/" }, { path: "/?name=a" }]],
  ["test/guests/probe.wasm", PROBE_REQUESTS],
];

describe.each(HTTP_GUESTS)("%s", (path, requests) => {
  test.for(requests)("answers $path alike on both engines", async (request, context) => {
    const [oracle, subject] = await onBoth(path, context, async (program) => {
      const bed = makeHost({ clock: new ManualClock() });
      const { handled, answer } = send(bed, await program.instantiate(bed.host), request);
      const answered = await Promise.race([answer, handled.then(() => "returned without an answer")]);
      // What follows the answer counts too: a trap on the way out, or what was printed.
      const ending = await handled.then(() => "returned", describeTrap);
      return { answered, ending, stdout: bed.stdout.text, stderr: bed.stderr.text };
    });
    expect(subject).toEqual(oracle);
  });
});

const COMMANDS = [
  ["hello"],
  ["args", "ü", ""],
  ["env"],
  ["cat"],
  ["exit", "3"],
  ["nonsense"],
  ["trap"],
  ["alloc", "64"],
];

describe.each(["command", "adapted command-p1"])("%s", (guest) => {
  test.for(COMMANDS)("%s does alike on both engines", async (args, context) => {
    const file = guest === "command" ? "test/guests/command.wasm" : await adaptedCommand();
    const [oracle, subject] = await onBoth(file, context, async (program) => {
      const bed = makeHost({ args, env: [["KEY", "välue"]], input: "input\n".repeat(5000), clock: new ManualClock() });
      const ending = await (await program.instantiate(bed.host)).run!().catch(describeTrap);
      return { ending, stdout: bed.stdout.text, stderr: bed.stderr.text };
    });
    expect(subject).toEqual(oracle);
  });
});

async function onBoth<T>(
  path: string,
  context: TestContext,
  act: (program: ReturnType<typeof loadGuest>) => Promise<T>,
): Promise<T[]> {
  const file = path.startsWith("/") ? path : repository(path);
  context.skip(!existsSync(file), `${path} is not built: npm run guests`);
  const results: T[] = [];
  for (const engine of ORACLE_AND_SUBJECT) {
    const guest = await shelf.take(file, engine.name);
    expect(guest.artifact.engine).toBe(engine.name);
    results.push(await act(loadGuest(engine, guest)));
  }
  return results;
}

/** jco words the traps of V8 anew. */
function describeTrap(thrown: unknown): string {
  return String(thrown).includes("unreachable") ? "unreachable" : String(thrown);
}

let adapted: Promise<string> | undefined;

/** A preview 1 module behind wit-component's adapter: four core modules, tied by an indirection that has to stay. */
function adaptedCommand(): Promise<string> {
  adapted ??= (async () => {
    const adapter = readFileSync(
      repository("node_modules/@bytecodealliance/jco/lib/wasi_snapshot_preview1.command.wasm"),
    );
    const module = readFileSync(repository("test/guests/command-p1.wasm"));
    return shelf.keep(await componentNew(module, [["wasi_snapshot_preview1", adapter]]));
  })();
  return adapted;
}
