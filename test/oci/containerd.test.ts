import { readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../oci/digest.ts";
import { containerdTools, startContainerd } from "../cluster/containerd.ts";
import { buildImageTar } from "../../oci/image-tar.ts";
import { get, makeTemporaryFolder, repositoryFile, startTestRuntime, untilApp, urlOf } from "../harness.ts";
import { spawnWasmlet } from "../served-runtime.ts";
import { startRealRegistry } from "./real-registry.ts";
import { dockerRegistry, needTools } from "./tools.ts";

/*
 * containerd takes an image with a Wasm entrypoint, and what containerd pushes runs here.
 */

const WASM = readFileSync(repositoryFile("examples/hello-rust/hello-rust.wasm"));

describe.skipIf(!needTools(dockerRegistry(), ...containerdTools()))("containerd", () => {
  test("an image for wasi/wasm that ctr imports and pushes is inspected and runs", async () => {
    await using containerd = await startContainerd();
    await using registry = await startRealRegistry();
    const cache = makeTemporaryFolder();
    const image = `${registry.host}/apps/from-ctr:1`;
    const file = join(containerd.folder, "image.tar");
    const tar = await buildImageTar({
      name: image,
      layers: [{ "/app.wasm": { bytes: WASM } }],
      config: { Entrypoint: ["/app.wasm"], Env: ["GREETING=from containerd"] },
      platform: { os: "wasi", architecture: "wasm" },
    });
    writeFileSync(file, tar);
    await containerd.ctr("images", "import", "--all-platforms", "--no-unpack", file);
    expect(await containerd.ctr("images", "list")).toMatch(/from-ctr:1 .* wasi\/wasm /);
    await containerd.ctr("images", "push", "--plain-http", "--platform", "wasi/wasm", image);

    const inspecting = spawnWasmlet(["inspect", image, "-o", "json"], cache.path);
    const [stdout] = await Promise.all([text(inspecting.stdout!), once(inspecting, "close")]);
    expect(JSON.parse(stdout)).toMatchObject({ artifact: { layout: expect.stringContaining("image") } });

    const manifest = {
      apiVersion: "wasmlet.dev/v1alpha1",
      kind: "WasmApp",
      metadata: { name: "hello" },
      spec: { source: { oci: { image } } },
    };
    const runtime = await startTestRuntime([manifest], cache.path);
    try {
      expect((await get(`${await urlOf(runtime, "hello")}/from-containerd`)).body).toContain("/from-containerd");
      expect((await untilApp(runtime, "hello", "Ready")).digest).toBe(digestOf(WASM));
    } finally {
      await runtime.stop(0);
      cache.remove();
    }
  });
});
