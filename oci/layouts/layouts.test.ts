import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf } from "../digest.ts";
import { IMAGE_CONFIG, OCI_MANIFEST, SPIN_ARCHIVE, SPIN_LOCK, WASM_CONFIG, WASM_LAYER } from "../media-types.ts";
import type { ImageIndex } from "../manifest.ts";
import { readContents, type Contents } from "./contents.ts";
import { readImageConfig } from "./image-config.ts";
import { chooseLayout, type LayoutChoice } from "./layout.ts";
import { foldersOf, plainPath } from "./paths.ts";
import { choosePlatform } from "./platform.ts";
import { readSpinLock } from "./spin-lock.ts";
import {
  cncfSample,
  COMPONENT,
  imageSample,
  MODULE,
  plainSample,
  sample,
  spinSample,
  tarOf,
  type Sample,
  type SampleImage,
} from "./samples.ts";

const TAR = "application/vnd.oci.image.layer.v1.tar";
const WHERE = "registry.test/app:1";
const ENTRYPOINT = { config: { Entrypoint: ["/app.wasm"] } };
const APP = await tarOf(["app.wasm", MODULE]);

function choose({ manifest, config }: Sample): LayoutChoice {
  return chooseLayout(manifest, config, WHERE);
}

async function read(built: Sample, limits?: Parameters<typeof readContents>[3]): Promise<Contents> {
  return readContents(choose(built).layout, built.open, WHERE, limits);
}

function failure(code: string): unknown {
  return expect.objectContaining({ code });
}

test("layout: the CNCF's artifact is its one layer", async () => {
  expect(choose(cncfSample())).toMatchObject({
    name: "CNCF Wasm artifact",
    reasons: [`its configuration is ${WASM_CONFIG}`, `its one layer is ${WASM_LAYER}`],
  });
  expect(await read(cncfSample())).toEqual({ kind: "program", wasm: COMPONENT, args: [], defaultArgs: [], env: [] });
});

test.each([
  WASM_LAYER,
  "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
  "application/vnd.wasm.content.layer.v1+wasm",
  "application/vnd.module.wasm.content.layer.v1+wasm",
])("layout: the only layer of %s is the program, whatever the configuration", async (type) => {
  const built = plainSample([
    [type, MODULE],
    ["application/spdx+json", Buffer.from("{}")],
  ]);
  expect(await read(built)).toMatchObject({ wasm: MODULE });
  expect(choose(built).reasons).toContain("1 other layer is not used");
});

test.each(["tar", "tar+gzip", "tar+zstd"])("layout: an image's entrypoint comes from its %s layer", async (kind) => {
  const type = `application/vnd.oci.image.layer.v1.${kind}`;
  const config = { Entrypoint: ["app.wasm"], Cmd: ["--port", "80"], Env: ["A=1", "B"], WorkingDir: "/srv" };
  const built = imageSample([[type, await tarOf(["srv/app.wasm", MODULE])]], { config });
  expect(await read(built)).toEqual({
    kind: "program",
    path: "srv/app.wasm",
    wasm: MODULE,
    args: [],
    defaultArgs: ["--port", "80"],
    env: [
      ["A", "1"],
      ["B", ""],
    ],
  });
});

test.each<[string, SampleImage, string]>([
  ["its platform", ENTRYPOINT, "its platform is wasi/wasm"],
  [
    "an annotation",
    { os: "linux", architecture: "amd64", annotations: { "module.wasm.image/variant": "compat-smart" } },
    "its annotation module.wasm.image/variant is compat-smart",
  ],
  [
    "crun's annotation",
    { os: "linux", architecture: "amd64", annotations: { "run.oci.handler": "wasm" } },
    "its annotation run.oci.handler is wasm",
  ],
  ["its entrypoint", { os: "linux", architecture: "amd64", ...ENTRYPOINT }, "its entrypoint is a .wasm file"],
])("layout: an image is for WebAssembly by %s", async (_, image, reason) => {
  const built = imageSample([[TAR, APP]], image);
  expect(choose(built).reasons[0]).toBe(reason);
  expect(await read(built)).toMatchObject({ path: "app.wasm", wasm: MODULE });
});

test("layout: the uppermost layer counts, and whiteouts hide what is below them", async () => {
  const newer = await tarOf(["app.wasm", COMPONENT]);
  expect(
    await read(
      imageSample(
        [
          [TAR, APP],
          [TAR, newer],
        ],
        ENTRYPOINT,
      ),
    ),
  ).toMatchObject({ wasm: COMPONENT });
  for (const whiteout of [".wh.app.wasm", ".wh..wh..opq"]) {
    const upper = await tarOf([whiteout]);
    await expect(
      read(
        imageSample(
          [
            [TAR, APP],
            [TAR, upper],
          ],
          ENTRYPOINT,
        ),
      ),
    ).rejects.toEqual(failure("OCI_LAYOUT_UNKNOWN"));
  }
  const nested = imageSample(
    [
      [TAR, await tarOf(["a/b/app.wasm", MODULE])],
      [TAR, await tarOf(["a/.wh.b"])],
    ],
    { config: { Entrypoint: ["/a/b/app.wasm"] } },
  );
  await expect(read(nested)).rejects.toEqual(failure("OCI_LAYOUT_UNKNOWN"));
});

const LINK = { name: "app.wasm", type: "symlink", linkname: "/etc/passwd" } as const;
const refusedImages: [name: string, code: string, archive: Buffer, image: SampleImage][] = [
  ["a path that leads out", "OCI_ARCHIVE_UNSAFE", await tarOf(["../app.wasm", MODULE]), ENTRYPOINT],
  ["a program behind a link", "OCI_ARCHIVE_UNSAFE", await tarOf([LINK]), ENTRYPOINT],
  [
    "a program behind a hard link",
    "OCI_ARCHIVE_UNSAFE",
    await tarOf([{ ...LINK, type: "link", linkname: "x" }]),
    ENTRYPOINT,
  ],
  [
    "a program in a folder that is a link",
    "OCI_ARCHIVE_UNSAFE",
    await tarOf([{ ...LINK, name: "srv" }], ["srv/app.wasm", MODULE]),
    { config: { Entrypoint: ["/srv/app.wasm"] } },
  ],
  ["no program", "OCI_LAYOUT_UNKNOWN", await tarOf(["readme.txt", "hi"]), ENTRYPOINT],
  ["two programs and no entrypoint", "OCI_LAYOUT_UNKNOWN", await tarOf(["a.wasm", MODULE], ["b.wasm", MODULE]), {}],
  ["a program that is none", "OCI_MANIFEST_INVALID", await tarOf(["app.wasm", "#!/bin/sh"]), ENTRYPOINT],
  ["a platform of machines", "OCI_LAYOUT_UNKNOWN", APP, { os: "linux", architecture: "amd64" }],
  ["layers that its configuration does not know", "OCI_MANIFEST_INVALID", APP, { ...ENTRYPOINT, diffIds: [] }],
  [
    "a layer that unpacks to something else",
    "OCI_DIGEST_MISMATCH",
    APP,
    { ...ENTRYPOINT, diffIds: [digestOf(Buffer.from("x"))] },
  ],
  ["a damaged archive", "OCI_ARCHIVE_INVALID", Buffer.alloc(2048, 1), ENTRYPOINT],
  ["a truncated archive", "OCI_ARCHIVE_INVALID", APP.subarray(0, 600 - 512 + 3), ENTRYPOINT],
];

test.each(refusedImages)("layout: an image with %s is %s", async (_, code, archive, image) => {
  await expect(Promise.try(() => read(imageSample([[TAR, archive]], image)))).rejects.toEqual(failure(code));
});

test("layout: damaged compression is OCI_ARCHIVE_INVALID", async () => {
  for (const kind of ["gzip", "zstd"]) {
    const type = `${TAR}+${kind}`;
    const built = imageSample([[type, APP]], ENTRYPOINT);
    const [{ digest } = { digest: "" }] = built.manifest.layers;
    built.blobs.set(digest, built.blobs.get(digest)?.subarray(0, 20) ?? Buffer.alloc(0));
    await expect(read(built)).rejects.toEqual(failure("OCI_ARCHIVE_INVALID"));
  }
});

test("layout: archives that unpack to too much are OCI_TOO_LARGE, whichever way", async () => {
  const limits = { maxUnpackedBytes: 1_000_000, maxKeptBytes: 100_000, maxEntries: 10 };
  const bomb = await tarOf(["zeros", Buffer.alloc(2_000_000)], ["app.wasm", MODULE]);
  const large = await tarOf(["app.wasm", Buffer.concat([MODULE, Buffer.alloc(200_000)])]);
  const many = await tarOf(...Array.from({ length: 20 }, (_, index): [string] => [`f${index}`]));
  for (const archive of [bomb, large, many]) {
    for (const type of [TAR, `${TAR}+gzip`, `${TAR}+zstd`]) {
      await expect(read(imageSample([[type, archive]], ENTRYPOINT), limits)).rejects.toEqual(failure("OCI_TOO_LARGE"));
    }
  }
});

test("layout: a Spin application with its files, variables and routes", async () => {
  expect(await read(spinSample())).toEqual({
    kind: "spin",
    name: "hello",
    variables: [
      { name: "greeting", default: "hi", isSecret: false },
      { name: "token", isSecret: true },
    ],
    triggers: [{ component: "web", route: "/..." }],
    components: [
      {
        id: "web",
        wasm: COMPONENT,
        args: [],
        defaultArgs: [],
        env: [["MODE", "production"]],
        variables: [["greeting", "{{ greeting }} there"]],
        allowedOutboundHosts: ["https://api.example.com"],
        files: new Map([
          ["static/index.html", Buffer.from("<h1>hello</h1>")],
          ["static/a.txt", Buffer.from("a")],
        ]),
      },
    ],
  });
});

test("layout: a Spin application whose files are in an archive, and one whose lock file is the configuration", async () => {
  const archived = Buffer.from("body {}");
  const archive = gzipSync(await tarOf(["./style.css", archived]));
  const built = spinSample(
    ({ components: [web] }) => Object.assign(web ?? {}, { files: [{ path: "style.css", digest: digestOf(archived) }] }),
    [[SPIN_ARCHIVE, archive]],
  );
  expect(await read(built)).toMatchObject({ components: [{ files: new Map([["style.css", archived]]) }] });
  const lock = [...spinSample().blobs.values()].at(-1) ?? Buffer.alloc(0);
  const older = sample(SPIN_LOCK, lock, [
    ["application/vnd.wasm.content.layer.v1+wasm", COMPONENT],
    ["application/vnd.wasm.content.layer.v1+data", Buffer.from("<h1>hello</h1>")],
  ]);
  expect(await read(older)).toMatchObject({ kind: "spin", name: "hello" });
});

const web = (change: Record<string, unknown>): Parameters<typeof spinSample>[0] => {
  return ({ components }) => Object.assign(components[0] ?? {}, change);
};
const refusedSpins: [name: string, code: string, built: Sample][] = [
  [
    "another trigger",
    "OCI_LAYOUT_UNKNOWN",
    spinSample((lock) => Object.assign(lock.triggers[0] ?? {}, { trigger_type: "redis" })),
  ],
  [
    "wagi",
    "OCI_LAYOUT_UNKNOWN",
    spinSample(({ triggers }) =>
      Object.assign(triggers[0] ?? {}, {
        trigger_config: { component: "web", route: "/", executor: { type: "wagi" } },
      }),
    ),
  ],
  ["dependencies", "OCI_LAYOUT_UNKNOWN", spinSample(web({ dependencies: { "a:b/c": {} } }))],
  [
    "requirements",
    "OCI_LAYOUT_UNKNOWN",
    spinSample((lock) => (lock["host_requirements"] = { local_service_chaining: "required" })),
  ],
  [
    "another component's name as a host",
    "OCI_LAYOUT_UNKNOWN",
    spinSample(web({ metadata: { allowed_outbound_hosts: ["http://*.spin.internal"] } })),
  ],
  [
    "two components of one id",
    "OCI_MANIFEST_INVALID",
    spinSample(({ components }) => components.push({ ...components[0] })),
  ],
  ["middleware", "OCI_LAYOUT_UNKNOWN", spinSample(web({ trigger_dependencies: { middleware: [] } }))],
  [
    "a route that is none",
    "OCI_MANIFEST_INVALID",
    spinSample(({ triggers }) =>
      Object.assign(triggers[0] ?? {}, { trigger_config: { component: "web", route: "/.../a/*b" } }),
    ),
  ],
  ["a template of nothing", "OCI_MANIFEST_INVALID", spinSample(web({ config: { a: "{{ nothing }}" } }))],
  ["a variable with a bad name", "OCI_MANIFEST_INVALID", spinSample(web({ config: { "A-B": "a" } }))],
  [
    "a template without end for a host",
    "OCI_MANIFEST_INVALID",
    spinSample(web({ metadata: { allowed_outbound_hosts: ["https://{{ greeting"] } })),
  ],
  ["a file outside", "OCI_ARCHIVE_UNSAFE", spinSample(web({ files: [{ path: "../x", inline: "YQ==" }] }))],
  ["a layer that is missing", "OCI_MANIFEST_INVALID", spinSample(web({ source: { digest: digestOf(MODULE) } }))],
  ["a component that is none", "OCI_MANIFEST_INVALID", spinSample(web({ source: { inline: "YQ==" } }))],
  ["a trigger for nobody", "OCI_MANIFEST_INVALID", spinSample(web({ id: "other" }))],
  ["another version", "OCI_MANIFEST_INVALID", spinSample((lock) => (lock["spin_lock_version"] = 2))],
  [
    "a link in an archive",
    "OCI_ARCHIVE_UNSAFE",
    spinSample(undefined, [[SPIN_ARCHIVE, gzipSync(await tarOf([LINK]))]]),
  ],
];

test.each(refusedSpins)("layout: a Spin application with %s is %s", async (_, code, built) => {
  await expect(Promise.try(() => read(built))).rejects.toEqual(failure(code));
});

const refused: [name: string, code: string, built: Sample][] = [
  ["no layer", "OCI_LAYOUT_UNKNOWN", plainSample([])],
  ["a layer of something else", "OCI_LAYOUT_UNKNOWN", plainSample([["text/plain", MODULE]])],
  [
    "two layers of WebAssembly",
    "OCI_LAYOUT_UNKNOWN",
    plainSample([
      [WASM_LAYER, MODULE],
      [WASM_LAYER, COMPONENT],
    ]),
  ],
  [
    "two layers in the CNCF's artifact",
    "OCI_LAYOUT_UNKNOWN",
    sample(WASM_CONFIG, {}, [
      [WASM_LAYER, MODULE],
      [WASM_LAYER, COMPONENT],
    ]),
  ],
  ["another layer in its configuration", "OCI_MANIFEST_INVALID", cncfSample(MODULE, { layerDigests: ["sha256:x"] })],
  ["a configuration that is none", "OCI_MANIFEST_INVALID", sample(WASM_CONFIG, [], [[WASM_LAYER, MODULE]])],
  ["an image configuration that is none", "OCI_MANIFEST_INVALID", sample(IMAGE_CONFIG, { os: 1 }, [[TAR, APP]])],
  ["a layer that is no WebAssembly", "OCI_MANIFEST_INVALID", cncfSample(Buffer.from("#!/bin/sh"))],
  ["an empty layer", "OCI_MANIFEST_INVALID", cncfSample(Buffer.alloc(0))],
];

test.each(refused)("layout: an artifact with %s is %s", async (_, code, built) => {
  await expect(Promise.try(() => read(built))).rejects.toEqual(failure(code));
});

function indexOf(...platforms: (string | undefined)[]): ImageIndex {
  return {
    schemaVersion: 2,
    manifests: platforms.map((platform, index) => {
      const [os = "", architecture = ""] = platform?.split("/") ?? [];
      const descriptor = { mediaType: OCI_MANIFEST, digest: `sha256:${String(index).repeat(64)}`, size: 1 };
      return platform === undefined ? descriptor : Object.assign(descriptor, { platform: { os, architecture } });
    }),
  };
}

test.each<[platforms: (string | undefined)[], chosen: number]>([
  [["linux/amd64", "wasi/wasm"], 1],
  [["wasip1/wasm", "linux/arm64", "wasip2/wasm"], 2],
  [["wasi/wasm32", "unknown/unknown"], 0],
  [[undefined], 0],
])("layout: of an index for %j number %d is chosen", (platforms, chosen) => {
  expect(choosePlatform(indexOf(...platforms), WHERE).descriptor.digest).toBe(`sha256:${String(chosen).repeat(64)}`);
});

test("layout: an index without WebAssembly says what it has", () => {
  expect(() => choosePlatform(indexOf("linux/amd64", "linux/arm64"), WHERE)).toThrow(
    expect.objectContaining({
      code: "OCI_LAYOUT_UNKNOWN",
      details: expect.objectContaining({ actual: "linux/amd64, linux/arm64" }),
    }),
  );
});

const CODES = [
  "OCI_ARCHIVE_INVALID",
  "OCI_ARCHIVE_UNSAFE",
  "OCI_DIGEST_MISMATCH",
  "OCI_LAYOUT_UNKNOWN",
  "OCI_MANIFEST_INVALID",
  "OCI_TOO_LARGE",
];

test("layout: an archive that is changed anywhere is read or ends in a coded error, and soon", async () => {
  const archive = await tarOf(["a/readme.txt", "hi".repeat(700)], ["app.wasm", MODULE], [LINK]);
  const kinds = fc.constantFrom(TAR, `${TAR}+gzip`, `${TAR}+zstd`);
  const flips = fc.array(fc.tuple(fc.nat(5000), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(kinds, flips, fc.boolean(), async (type, flips, hasEntrypoint) => {
      const built = imageSample([[type, archive]], hasEntrypoint ? ENTRYPOINT : {});
      const digest = built.manifest.layers[0]?.digest ?? "";
      const bytes = Buffer.from(built.blobs.get(digest) ?? []);
      for (const [at, value] of flips) bytes[at % bytes.length]! ^= value;
      built.blobs.set(digest, bytes);
      const outcome: unknown = await read(built).catch((thrown: unknown) => thrown);
      if (outcome instanceof Error) expect(CODES).toContain((outcome as { code?: string }).code);
      else expect(outcome).toMatchObject({ kind: "program", wasm: MODULE });
    }),
  );
});

test("layout: a lock file and an image's configuration that are anything are read or refused with a code", () => {
  const fields = ["triggers", "components", "variables", "metadata", "spin_lock_version", "config", "rootfs", "os"];
  const document = fc.dictionary(fc.constantFrom(...fields), fc.jsonValue(), { maxKeys: 6 });
  fc.assert(
    fc.property(document, (value) => {
      const bytes = Buffer.from(JSON.stringify(value));
      for (const reader of [readSpinLock, readImageConfig]) {
        try {
          reader(bytes, WHERE);
        } catch (thrown) {
          expect(CODES).toContain((thrown as { code?: string }).code);
        }
      }
    }),
  );
});

test("layout: a path is plain or refused, whatever it is", () => {
  const segment = fc.constantFrom("a", ".", "..", "", "b.c", "...", "\0", "\\", "wh");
  fc.assert(
    fc.property(
      fc.array(segment).map((segments) => segments.join("/")),
      (path) => {
        const plain = plainPath(path);
        expect(plain === undefined).toBe(/(^|\/)\.\.(\/|$)|[\0\\]/.test(path));
        if (plain === undefined || plain === "") return;
        expect(plain).toMatch(/^[^/\0]+(\/[^/\0]+)*$/);
        expect(plainPath(plain)).toBe(plain);
        expect(foldersOf(plain)).toHaveLength(plain.split("/").length - 1);
      },
    ),
  );
});
