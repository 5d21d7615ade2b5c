import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../oci/digest.ts";
import {
  cncfSample,
  imageSample,
  plainSample,
  spinSample,
  tarOf,
  type SampleLayer,
} from "../../oci/layouts/samples.ts";
import {
  get,
  makeTemporaryFolder,
  repositoryFile,
  startTestRuntime,
  untilApp,
  urlOf,
  type Manifest,
} from "../harness.ts";
import { spawnWasmlet } from "../served-runtime.ts";
import { pushSample, runTool } from "./foreign-tools.ts";
import { startRealRegistry, USER, type RealRegistry } from "./real-registry.ts";
import { dockerRegistry, goTool, needTools, wkg } from "./tools.ts";

/*
 * Apps whose programs come from a registry: who pushed what, and that it runs.
 */

const HELLO = repositoryFile("examples/hello-rust/hello-rust.wasm");
const TOUR = repositoryFile("test/guests/command.wasm");
const WASM = readFileSync(HELLO);
const TAR = "application/vnd.oci.image.layer.v1.tar";

function app(
  name: string,
  image: string,
  oci: Record<string, unknown> = {},
  spec: Record<string, unknown> = {},
): Manifest {
  return {
    apiVersion: "wasmlet.dev/v1alpha1",
    kind: "WasmApp",
    metadata: { name },
    spec: { source: { oci: { image, ...oci } }, ...spec },
  };
}

async function imageLayer(kind: string): Promise<SampleLayer> {
  return [`${TAR}${kind}`, await tarOf(["app.wasm", WASM])];
}

async function wasmlet(
  args: string[],
  cache: string,
  input = "",
): Promise<{ status: number; stdout: string; stderr: string }> {
  const child = spawnWasmlet(args, cache);
  child.stdin!.end(input);
  const [[status], stdout, stderr] = await Promise.all([
    once(child, "close"),
    text(child.stdout!),
    text(child.stderr!),
  ]);
  return { status: status as number, stdout, stderr };
}

describe.skipIf(!needTools(dockerRegistry()))("apps from a registry", () => {
  const cache = makeTemporaryFolder();
  let registry: RealRegistry;
  beforeAll(async () => {
    registry = await startRealRegistry();
    writeFileSync(join(registry.folder, "hello.wasm"), WASM);
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    cache.remove();
  });

  const entrypoint = { config: { Entrypoint: ["/app.wasm"] } };
  const crane = (...args: string[]): string => runTool("crane", registry.folder, ...args);

  /** Every layout, by who pushes it; each pushes to the image that it is given. */
  const pushers: [name: string, isThere: boolean, push: (image: string) => Promise<unknown>][] = [
    ["wasmlet, CNCF artifact", true, (image) => wasmlet(["push", HELLO, image], cache.path)],
    ["CNCF artifact", true, (image) => pushSample(image, cncfSample(WASM))],
    [
      "runwasi's component layer",
      true,
      (image) =>
        pushSample(image, plainSample([["application/vnd.bytecodealliance.wasm.component.layer.v0+wasm", WASM]])),
    ],
    ["image, tar", true, async (image) => pushSample(image, imageSample([await imageLayer("")], entrypoint))],
    ["image, gzip", true, async (image) => pushSample(image, imageSample([await imageLayer("+gzip")], entrypoint))],
    ["image, zstd", true, async (image) => pushSample(image, imageSample([await imageLayer("+zstd")], entrypoint))],
    [
      "Spin application",
      true,
      (image) =>
        pushSample(
          image,
          spinSample(
            ({ components: [web], ...lock }) => {
              Object.assign(web ?? {}, { source: { digest: digestOf(WASM) } });
              Object.assign(lock["variables"] ?? {}, { token: { default: "none", secret: true } });
            },
            [["application/vnd.wasm.content.layer.v1+wasm", WASM]],
          ),
        ),
    ],
    [
      "oras, a Wasm layer",
      goTool("oras").path !== undefined,
      async (image) => runTool("oras", registry.folder, "push", "--plain-http", image, "hello.wasm:application/wasm"),
    ],
    [
      "wkg, a component",
      wkg().path !== undefined,
      async (image) => runTool("wkg", registry.folder, "oci", "push", "--insecure", registry.host, image, "hello.wasm"),
    ],
    [
      "crane, docker image of several platforms",
      goTool("crane").path !== undefined,
      async (image) => {
        writeFileSync(join(registry.folder, "layer.tar"), await tarOf(["app.wasm", WASM]));
        const repository = image.slice(0, image.lastIndexOf(":"));
        crane("append", "-f", "layer.tar", "-t", `${repository}:plain`);
        for (const [platform, program] of [
          ["wasi/wasm", "/app.wasm"],
          ["linux/amd64", "/bin/sh"],
        ] as const) {
          const tag = `${repository}:${platform.replace("/", "-")}`;
          crane("mutate", `${repository}:plain`, "--entrypoint", program, "--set-platform", platform, "-t", tag);
        }
        crane("index", "append", "-m", `${repository}:linux-amd64`, "-m", `${repository}:wasi-wasm`, "-t", image);
      },
    ],
  ];

  test.each(pushers)("%s: runs", async (name, isThere, push) => {
    if (!isThere) return; // said by needTools
    const image = `${registry.host}/apps/${name.toLowerCase().replaceAll(/[^a-z]+/g, "-")}:1`;
    await push(image);
    const runtime = await startTestRuntime([app("hello", image)], cache.path);
    try {
      const { status, body } = await get(`${await urlOf(runtime, "hello")}/from-a-registry`);
      expect([status, body]).toEqual([200, expect.stringContaining("/from-a-registry")]);
      const { startPhases, digest } = await untilApp(runtime, "hello", "Ready");
      expect(Object.keys(startPhases)).toEqual(expect.arrayContaining(["fetch", "verify", "prepare"]));
      expect(digest).toBe(digestOf(WASM));
    } finally {
      await runtime.stop(0);
    }
  });

  needTools(goTool("oras"), goTool("crane"), wkg());

  test("an image's arguments and variables reach the program, and the manifest's come before them", async () => {
    const layer: SampleLayer = [TAR, await tarOf(["app.wasm", readFileSync(TOUR)])];
    const image = `${registry.host}/apps/command:1`;
    const config = { Entrypoint: ["/app.wasm", "env"], Env: ["A=image", "B=image"] };
    await pushSample(image, imageSample([layer], { config }));
    const spec = { trigger: { command: { restartPolicy: "Never" } }, env: [{ name: "B", value: "manifest" }] };
    const runtime = await startTestRuntime([app("command", image, {}, spec)], cache.path);
    try {
      await untilApp(runtime, "command", "Completed");
      const printed = runtime.lines.filter(({ kind }) => kind === "guest").map(({ text }) => text);
      expect(printed).toEqual(expect.arrayContaining(["A=image", "B=manifest"]));
    } finally {
      await runtime.stop(0);
    }
  });

  test("a tag that is not there backs off and says so; an untyped artifact has failed and says why", async () => {
    await pushSample(`${registry.host}/apps/text:1`, plainSample([["text/plain", WASM]]));
    const manifests = [app("missing", `${registry.host}/apps/none:1`), app("text", `${registry.host}/apps/text:1`)];
    const runtime = await startTestRuntime(manifests, cache.path);
    try {
      expect(await untilApp(runtime, "missing", "BackOff")).toMatchObject({ reason: "OCI_NOT_FOUND" });
      expect(await untilApp(runtime, "text", "Failed")).toMatchObject({
        reason: "OCI_LAYOUT_UNKNOWN",
        message: expect.stringContaining("a layer text/plain"),
      });
    } finally {
      await runtime.stop(0);
    }
  });

  describe("wasmlet", () => {
    test("push, inspect, pull and run work together", async () => {
      const image = `${registry.host}/cli/tour:1`;
      const pushed = await wasmlet(["push", TOUR, image, "-o", "json"], cache.path);
      expect(pushed).toMatchObject({ status: 0, stderr: "" });
      const { digest } = JSON.parse(pushed.stdout) as { digest: string };
      const file = join(registry.folder, "pulled.wasm");
      expect(await wasmlet(["pull", image, "-f", file], cache.path)).toEqual({
        status: 0,
        stdout: `${image}: ${digest}\nCNCF Wasm artifact, 194.1 KiB\n`,
        stderr: "",
      });
      expect(readFileSync(file)).toEqual(readFileSync(TOUR));
      const inspected = await wasmlet(["inspect", image], cache.path);
      expect(inspected.stdout).toMatch(
        /^artifact: .*\ndigest: .*\nlayout: +CNCF Wasm artifact\nbecause: .*\nbecause: .*\nlayer: +application\/wasm, 194\.1 KiB\n/,
      );
      expect(inspected.stdout).toContain("triggers: command");
      expect(await wasmlet(["run", image, "--", "exit", "7"], cache.path)).toMatchObject({ status: 7, stderr: "" });
      const pinned = `${registry.host}/cli/tour@${digest}`;
      expect(await wasmlet(["run", pinned, "--", "cat"], cache.path, "hi")).toMatchObject({ status: 0, stdout: "hi" });
    });

    test("inspect tells what an artifact is also where it does not run", async () => {
      const image = `${registry.host}/cli/broken:1`;
      await pushSample(image, cncfSample(Buffer.concat([WASM.subarray(0, 8), Buffer.alloc(100, 0xff)])));
      const { status, stdout, stderr } = await wasmlet(["inspect", image], cache.path);
      expect([status, stdout, stderr]).toEqual([
        1,
        expect.stringContaining("layout:     CNCF Wasm artifact"),
        expect.stringContaining("ARTIFACT_INVALID"),
      ]);
    });

    test("push refuses what does not run here, unless it is told not to check", async () => {
      const file = join(registry.folder, "broken.wasm");
      writeFileSync(file, Buffer.concat([WASM.subarray(0, 8), Buffer.alloc(100, 0xff)]));
      const image = `${registry.host}/cli/unchecked:1`;
      const refused = await wasmlet(["push", file, image], cache.path);
      expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("--no-check") });
      expect(await wasmlet(["push", "--no-check", file, image], cache.path)).toMatchObject({ status: 0 });
    });
  });
});

describe.skipIf(!needTools(dockerRegistry()))("apps from a registry with TLS and passwords", () => {
  const cache = makeTemporaryFolder();
  let registry: RealRegistry;
  let trust: string[];
  beforeAll(async () => {
    registry = await startRealRegistry({ secured: true });
    trust = ["--registry-ca", join(registry.folder, "registry.pem")];
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    cache.remove();
  });

  const withConfig = async (
    args: string[],
    input = "",
  ): Promise<{ status: number; stdout: string; stderr: string }> => {
    const config = join(registry.folder, "docker");
    mkdirSync(config, { recursive: true });
    const child = spawnWasmlet(args, cache.path, {}, { DOCKER_CONFIG: config });
    child.stdin!.end(input);
    const [[status], stdout, stderr] = await Promise.all([
      once(child, "close"),
      text(child.stdout!),
      text(child.stderr!),
    ]);
    return { status: status as number, stdout, stderr };
  };

  test("login tries and keeps the password, push uses it, an app pulls with its secret, logout forgets", async () => {
    const image = `${registry.host}/secured/hello:1`;
    const login = ["login", registry.host, "-u", USER.username, "--password-stdin", ...trust];
    const wrong = await withConfig(login, "wrong\n");
    expect(wrong.stderr).toContain("fix: Check the user name");
    expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining("OCI_UNAUTHORIZED") });
    expect(await withConfig(["push", HELLO, image, ...trust])).toMatchObject({ status: 1 });
    expect(await withConfig(login, `${USER.password}\n`)).toMatchObject({ status: 0, stderr: "" });
    expect(await withConfig(["push", HELLO, image, ...trust])).toMatchObject({ status: 0 });
    const content = readFileSync(join(registry.folder, "docker", "config.json"), "utf8");
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "pull" },
      type: "kubernetes.io/dockerconfigjson",
      stringData: { ".dockerconfigjson": content },
    };
    const manifests = [secret, app("with", image, { imagePullSecrets: [{ name: "pull" }] }), app("without", image)];
    const registries = { ca: [registry.ca ?? ""] };
    const runtime = await startTestRuntime(manifests, cache.path, { registries });
    try {
      expect((await get(`${await urlOf(runtime, "with")}/`)).status).toBe(200);
      expect(await untilApp(runtime, "without", "BackOff")).toMatchObject({ reason: "OCI_UNAUTHORIZED" });
      expect(JSON.stringify([runtime.lines, runtime.apps()])).not.toContain(USER.password);
    } finally {
      await runtime.stop(0);
    }
    expect(await withConfig(["logout", registry.host])).toMatchObject({ status: 0 });
    expect(readFileSync(join(registry.folder, "docker", "config.json"), "utf8")).toBe('{\n  "auths": {}\n}\n');
  });
});
