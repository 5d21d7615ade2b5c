import { readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadManifests } from "../../crds/load.ts";
import { type Example, findTakenPorts, readExamples, relocate, writeWithFreePorts } from "./examples.ts";
import { findFreePorts, isPortFree } from "../../common/ports.ts";

const FOLDER = fileURLToPath(new URL("../../examples/", import.meta.url));
const HOST = "127.0.0.1";

function portsOf(examples: readonly Example[], name: string): number[] {
  return examples.find(({ apps }) => apps.includes(`default/${name}`))?.ports ?? [];
}

test("examples: every manifest is valid and names its own program", () => {
  const examples = readExamples(FOLDER);
  expect(examples.flatMap(({ apps }) => apps)).toEqual(
    ["caller-rust", "hello-c", "hello-js", "hello-rust", "image-rust", "tour-go"].map((name) => `default/${name}`),
  );
  for (const { file, text } of examples) {
    const { apps, problems } = loadManifests(text, { file });
    expect(problems).toEqual([]);
    for (const { app, sourcePath } of apps) {
      expect(sourcePath).toBe(`./${app.metadata.name}.wasm`);
      expect(file).toBe(join(FOLDER, app.metadata.name, "manifest.yaml"));
    }
  }
});

test("examples: the README names the port of each app's manifest, and no other", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const examples = readExamples(FOLDER);
  const table = new Map(
    [...readme.matchAll(/^([a-z-]+) +http .* http:\/\/127\.0\.0\.1:(\d+) /gm)].map(([, name, port]) => [
      name,
      Number(port),
    ]),
  );
  expect([...table.keys()]).toEqual(["caller-rust", "hello-c", "hello-js", "hello-rust", "image-rust"]);
  for (const [name, port] of table) expect([name, portsOf(examples, name!)]).toEqual([name, [port]]);
  const mentioned = new Set([...readme.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port)));
  expect(mentioned).toEqual(new Set([...table.values(), 9464]));
  expect(readme).toContain(`curl http://127.0.0.1:${table.get("hello-rust")}/ `);
  expect(readme).toContain(`http://127.0.0.1:${table.get("image-rust")}/?width=`);
});

test("examples: caller-rust calls the port that hello-rust asks for", () => {
  const examples = readExamples(FOLDER);
  const [port] = portsOf(examples, "hello-rust");
  const caller = examples.find(({ apps }) => apps.includes("default/caller-rust"))?.text ?? "";
  const allowed = loadManifests(caller, { file: "" }).apps[0]?.app.spec.network.allowedOutboundHosts;
  expect(allowed).toEqual([`http://127.0.0.1:${port}`]);
});

test("examples: a taken port is replaced where it is asked for and where it is called", async () => {
  const examples = readExamples(FOLDER);
  const [port = 0] = portsOf(examples, "hello-rust");
  const folder = await writeWithFreePorts(examples, [port], HOST);
  try {
    const moved = readExamples(folder);
    expect(moved.map(({ apps }) => apps)).toEqual(examples.map(({ apps }) => apps));
    const [other] = portsOf(moved, "hello-rust");
    expect(other).not.toBe(port);
    expect(portsOf(moved, "hello-c")).toEqual(portsOf(examples, "hello-c"));
    const caller = readFileSync(join(folder, "caller-rust", "manifest.yaml"), "utf8");
    expect(caller.match(/127\.0\.0\.1:\d+/g)).toEqual([`127.0.0.1:${other}`, `127.0.0.1:${other}`]);
    const { apps } = loadManifests(caller, { file: "" });
    expect(apps[0]?.sourcePath).toBe(join(FOLDER, "caller-rust", "caller-rust.wasm"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("examples: only the whole port number is replaced", () => {
  const text = 'wasmlet.dev/port: "8080"\nhttp://127.0.0.1:8080/x http://127.0.0.1:80801 8080\n';
  expect(relocate(text, "/", new Map([[8080, 9]]))).toBe(
    'wasmlet.dev/port: "9"\nhttp://127.0.0.1:9/x http://127.0.0.1:80801 8080\n',
  );
});

test("ports: one that another program has is taken", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  const example = { file: "", text: "", apps: [], ports: [port] };
  expect(await findTakenPorts([example], HOST)).toEqual([port]);
  await new Promise((resolve) => server.close(resolve));
  expect(await findTakenPorts([example], HOST)).toEqual([]);
  expect(await isPortFree(HOST, port)).toBe(true);
});

test("ports: free ones are all different", async () => {
  const ports = await findFreePorts(HOST, 20);
  expect(new Set(ports).size).toBe(20);
  expect(ports.every((port) => port > 0)).toBe(true);
});
