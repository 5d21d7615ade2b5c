import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Secret } from "../../common/secret.ts";
import { digestOf } from "../../oci/digest.ts";
import { imageSample, spinSample, tarOf } from "../../oci/layouts/samples.ts";
import { MemoryBlobs } from "../../oci/memory-blobs.ts";
import { findArtifact, pullContents } from "../../oci/pull.ts";
import { pushWasm } from "../../oci/push.ts";
import { parseReference } from "../../oci/reference.ts";
import type { RegistryOptions } from "../../oci/registry/client.ts";
import type { CredentialSource } from "../../oci/registry/credentials.ts";
import { repositoryFile } from "../harness.ts";
import { pushSample, runTool, withClient } from "./foreign-tools.ts";
import { startCraneRegistry, startNewRegistry, startRealRegistry, USER, type RealRegistry } from "./real-registry.ts";
import { dockerRegistry, goTool, needTools, type TestTool } from "./tools.ts";

/*
 * Against Debian's docker-registry, its successor and the registry of crane, with artifacts of second implementations: crane and oras.
 */

const WASM = readFileSync(repositoryFile("examples/hello-rust/hello-rust.wasm"));
const CREATED = new Date(0);

function credentials(password: string): CredentialSource {
  return () => Promise.resolve({ kind: "password", username: USER.username, password: new Secret(password) });
}

/** What a push finds of a blob that another repository has: crane's registry keeps the blobs of all in one place. */
type Shared = "mounted" | "present";
const registries: [name: string, tool: TestTool, start: () => Promise<RealRegistry>, shared: Shared][] = [
  ["docker-registry", dockerRegistry(), startRealRegistry, "mounted"],
  ["distribution 3", goTool("registry"), startNewRegistry, "mounted"],
  ["crane's registry", goTool("crane"), startCraneRegistry, "present"],
];

describe.for(registries.filter(([, tool]) => needTools(tool)))("a real registry: %s", ([, , start, shared]) => {
  let registry: RealRegistry;
  beforeAll(async () => {
    registry = await start();
    writeFileSync(join(registry.folder, "hello.wasm"), WASM);
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  const crane = (...args: string[]): string => runTool("crane", registry.folder, ...args);
  const oras = (...args: string[]): string => runTool("oras", registry.folder, ...args, "--plain-http");
  const pull = (repository: string): Promise<{ name: string; wasm: Uint8Array }> =>
    withClient({}, async (client) => {
      const context = { client, blobs: new MemoryBlobs() };
      const artifact = await findArtifact(parseReference(`${registry.host}/${repository}`), context);
      const contents = await pullContents(artifact, context);
      const wasm = contents.kind === "program" ? contents.wasm : contents.components[0]?.wasm;
      return { name: artifact.choice.name, wasm: wasm ?? new Uint8Array(0) };
    });

  test("what we push comes back, a second push finds it there, and another repository mounts it", async () => {
    await withClient({}, async (client) => {
      const push = (repository: string, mountFrom?: string): Promise<{ digest: string; program: string }> =>
        pushWasm(client, parseReference(`${registry.host}/${repository}`), WASM, {
          created: CREATED,
          ...(mountFrom !== undefined && { mountFrom }),
        });
      const first = await push("ours/hello:1");
      expect(first.program).toBe("uploaded");
      expect(await push("ours/hello:2")).toEqual({ digest: first.digest, program: "present" });
      expect((await push("ours/copy:1", "ours/hello")).program).toBe(shared);
      expect(await client.resolve(parseReference(`${registry.host}/ours/copy:1`))).toBe(first.digest);
      const pinned = `ours/copy@${first.digest}`;
      expect(await pull(pinned)).toEqual({ name: "CNCF Wasm artifact", wasm: WASM });
      await expect(pull("ours/copy:3")).rejects.toHaveProperty("code", "OCI_NOT_FOUND");
    });
  });

  test.each(["tar", "tar+gzip", "tar+zstd"])("an image with a layer of %s", async (kind) => {
    const layer = `application/vnd.oci.image.layer.v1.${kind}`;
    const built = imageSample([[layer, await tarOf(["app.wasm", WASM])]], { config: { Entrypoint: ["/app.wasm"] } });
    const repository = `image/${kind.replace("+", "-")}`;
    await pushSample(`${registry.host}/${repository}`, built);
    expect(await pull(repository)).toEqual({ name: "container image with a Wasm entrypoint", wasm: WASM });
  });

  test("a Spin application", async () => {
    const built = spinSample(
      ({ components: [component] }) => Object.assign(component ?? {}, { source: { digest: digestOf(WASM) } }),
      [["application/vnd.wasm.content.layer.v1+wasm", WASM]],
    );
    await pushSample(`${registry.host}/spin/hello`, built);
    expect(await pull("spin/hello")).toEqual({ name: "Spin application", wasm: WASM });
  });

  describe.skipIf(!needTools(goTool("oras")))("with oras", () => {
    test("what oras pushes as an artifact of a type, and with the CNCF's configuration", async () => {
      oras(
        "push",
        `${registry.host}/oras/typed:1`,
        "--artifact-type",
        "application/vnd.test",
        "hello.wasm:application/wasm",
      );
      expect(await pull("oras/typed:1")).toEqual({ name: "artifact with a Wasm layer", wasm: WASM });
      const config = { architecture: "wasm", os: "wasip2", layerDigests: [digestOf(WASM)] };
      writeFileSync(join(registry.folder, "config.json"), JSON.stringify(config));
      const configArgument = "config.json:application/vnd.wasm.config.v0+json";
      oras("push", `${registry.host}/oras/cncf:1`, "--config", configArgument, "hello.wasm:application/wasm");
      expect(await pull("oras/cncf:1")).toEqual({ name: "CNCF Wasm artifact", wasm: WASM });
    });

    test("what oras pushes without a type is an error that says so", async () => {
      oras("push", `${registry.host}/oras/untyped:1`, "hello.wasm");
      await expect(pull("oras/untyped:1")).rejects.toHaveProperty("code", "OCI_LAYOUT_UNKNOWN");
    });

    test("what we push is a file for oras", async () => {
      const reference = parseReference(`${registry.host}/ours/titled:1`);
      await withClient({}, (client) => pushWasm(client, reference, WASM, { created: CREATED, title: "titled.wasm" }));
      mkdirSync(join(registry.folder, "pulled"));
      oras("pull", `${registry.host}/ours/titled:1`, "-o", "pulled");
      expect(readFileSync(join(registry.folder, "pulled", "titled.wasm")).equals(WASM)).toBe(true);
    });
  });

  describe.skipIf(!needTools(goTool("crane")))("with crane", () => {
    test.each(["", "--oci-empty-base"])(
      "images that crane builds %s, for one platform and for several",
      async (base) => {
        const name = `${registry.host}/crane/image${base === "" ? "-docker" : "-oci"}`;
        const repository = name.slice(registry.host.length + 1);
        writeFileSync(join(registry.folder, "layer.tar"), await tarOf(["app.wasm", WASM]));
        crane("append", ...(base === "" ? [] : [base]), "-f", "layer.tar", "-t", `${name}:plain`);
        crane(
          "mutate",
          `${name}:plain`,
          "--entrypoint",
          "/app.wasm",
          "--set-platform",
          "wasi/wasm",
          "-t",
          `${name}:wasm`,
        );
        crane(
          "mutate",
          `${name}:plain`,
          "--entrypoint",
          "/bin/sh",
          "--set-platform",
          "linux/amd64",
          "-t",
          `${name}:linux`,
        );
        const emptyBase = base === "" ? ["--docker-empty-base"] : [];
        crane("index", "append", ...emptyBase, "-m", `${name}:linux`, "-m", `${name}:wasm`, "-t", `${name}:all`);
        const expected = { name: "container image with a Wasm entrypoint", wasm: WASM };
        expect(await pull(`${repository}:wasm`)).toEqual(expected);
        expect(await pull(`${repository}:all`)).toEqual(expected);
        await expect(pull(`${repository}:linux`)).rejects.toHaveProperty("code", "OCI_LAYOUT_UNKNOWN");
      },
    );

    test("what we push is whole for crane", async () => {
      const reference = parseReference(`${registry.host}/ours/validated:1`);
      const { digest } = await withClient({}, (client) => pushWasm(client, reference, WASM, { created: CREATED }));
      expect(crane("digest", `${registry.host}/ours/validated:1`).trim()).toBe(digest);
      expect(digestOf(Buffer.from(crane("manifest", `${registry.host}/ours/validated:1`)))).toBe(digest);
    });
  });
});

describe.skipIf(!needTools(dockerRegistry()))("a real registry with TLS and passwords", () => {
  let registry: RealRegistry;
  beforeAll(async () => {
    registry = await startRealRegistry({ secured: true });
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  const attempt = (options: RegistryOptions): Promise<{ digest: string }> =>
    withClient(options, (client) =>
      pushWasm(client, parseReference(`${registry.host}/secured/hello:1`), WASM, { created: CREATED }),
    );
  const trusted = (): { ca: string[] } => ({ ca: [registry.ca ?? ""] });

  test("serves whoever trusts its certificate and knows the password", async () => {
    const options = { ...trusted(), credentials: credentials(USER.password) };
    const { digest } = await attempt(options);
    await withClient(options, async (client) => {
      await client.checkAccess(registry.host);
      const context = { client, blobs: new MemoryBlobs() };
      const artifact = await findArtifact(parseReference(`${registry.host}/secured/hello:1`), context);
      expect(artifact.digest).toBe(digest);
      expect(await pullContents(artifact, context)).toMatchObject({ wasm: WASM });
    });
  });

  test.each<[name: string, options: () => RegistryOptions, code: string]>([
    ["no password", () => trusted(), "OCI_UNAUTHORIZED"],
    ["a wrong password", () => ({ ...trusted(), credentials: credentials("wrong") }), "OCI_UNAUTHORIZED"],
    ["a certificate that is not trusted", () => ({ credentials: credentials(USER.password) }), "OCI_UNREACHABLE"],
  ])("refuses %s", async (_, options, code) => {
    await expect(attempt(options())).rejects.toHaveProperty("code", code);
  });

  test("a certificate that is not trusted is said to be that, with what to do", async () => {
    await expect(attempt({})).rejects.toMatchObject({
      message: "the registry's certificate is not trusted: self-signed certificate",
      fix: expect.stringContaining("--registry-ca"),
    });
  });
});
