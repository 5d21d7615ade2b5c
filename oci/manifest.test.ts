import fc from "fast-check";
import { expect, test } from "vitest";
import { readManifest, type Manifest } from "./manifest.ts";
import { OCI_INDEX, OCI_MANIFEST, WASM_CONFIG, WASM_LAYER } from "./media-types.ts";

const WHERE = "registry.test/app:1";
const descriptor = (mediaType: string): object => ({ mediaType, digest: `sha256:${"a".repeat(64)}`, size: 1 });
const MANIFEST = { schemaVersion: 2, config: descriptor(WASM_CONFIG), layers: [descriptor(WASM_LAYER)] };
const INDEX = { schemaVersion: 2, manifests: [descriptor(OCI_MANIFEST)] };

function read(value: unknown, contentType?: string): Manifest {
  return readManifest(Buffer.from(JSON.stringify(value)), contentType, WHERE);
}

test.each<[name: string, value: object, contentType: string | undefined, kind: string]>([
  ["by its header", MANIFEST, OCI_MANIFEST, "manifest"],
  ["by its header, whose parameters do not matter", MANIFEST, `${OCI_MANIFEST}; charset=utf-8`, "manifest"],
  ["by what it says", { ...MANIFEST, mediaType: OCI_MANIFEST }, "application/json", "manifest"],
  ["by its shape, from a store", MANIFEST, undefined, "manifest"],
  ["by its shape, from a store", INDEX, undefined, "index"],
  ["by its header", INDEX, OCI_INDEX, "index"],
])("manifest: is known %s", (_, value, contentType, kind) => {
  expect(read(value, contentType).kind).toBe(kind);
});

test.each<[name: string, value: object, contentType: string | undefined]>([
  ["a header that says nothing", MANIFEST, "application/octet-stream"],
  ["another header", MANIFEST, OCI_INDEX],
  ["a header against its word", { ...MANIFEST, mediaType: OCI_INDEX }, OCI_MANIFEST],
  ["both shapes", { ...MANIFEST, ...INDEX }, undefined],
  ["neither shape", { schemaVersion: 2 }, undefined],
])("manifest: with %s it is refused", (_, value, contentType) => {
  expect(() => read(value, contentType)).toThrow(expect.objectContaining({ code: "OCI_MANIFEST_INVALID" }));
});

test("manifest: whatever is changed in it, it is read as what it is or refused with its code", () => {
  const field = fc.constantFrom(
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "annotations",
    "__proto__",
  );
  const value = fc.oneof(fc.jsonValue(), fc.constant(MANIFEST.config), fc.constant(MANIFEST.layers));
  const type = fc.constantFrom(OCI_MANIFEST, OCI_INDEX, undefined, "text/html");
  fc.assert(
    fc.property(
      fc.constantFrom(MANIFEST, INDEX),
      fc.array(fc.tuple(field, value), { maxLength: 3 }),
      type,
      (base, changes, type) => {
        try {
          const { kind } = read({ ...base, ...Object.fromEntries(changes) }, type);
          if (type !== undefined) expect(kind).toBe(type === OCI_INDEX ? "index" : "manifest");
        } catch (thrown) {
          expect(thrown).toHaveProperty("code", "OCI_MANIFEST_INVALID");
        }
      },
    ),
  );
});

test("manifest: any bytes are refused with its code", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(() => readManifest(bytes, OCI_MANIFEST, WHERE)).toThrow(
        expect.objectContaining({ code: "OCI_MANIFEST_INVALID" }),
      );
    }),
  );
});
