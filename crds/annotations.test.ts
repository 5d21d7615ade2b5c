import { expect, test } from "vitest";
import { ANNOTATION_PORT, ANNOTATION_SOURCE_PATH, readAnnotations, type StandaloneWishes } from "./annotations.ts";
import type { FieldProblem } from "./schema/field-problem.ts";

function read(annotations: unknown): { wishes: StandaloneWishes; problems: FieldProblem[] } {
  const problems: FieldProblem[] = [];
  return { wishes: readAnnotations({ annotations }, problems), problems };
}

test("annotations: path and port are read, others are left alone", () => {
  const { wishes, problems } = read({
    [ANNOTATION_SOURCE_PATH]: "./a.wasm",
    [ANNOTATION_PORT]: "8081",
    "example.com/port": "x",
  });
  expect(wishes).toEqual({ sourcePath: "./a.wasm", port: 8081 });
  expect(problems).toEqual([]);
});

test.each(["1", "65535"])("annotations: port %s is accepted", (port) => {
  expect(read({ [ANNOTATION_PORT]: port }).wishes.port).toBe(Number(port));
});

test.each(["", "0", "65536", "99999", "-1", "8080a", " 80", "080", "8e3", "http"])(
  "annotations: port %j is refused",
  (port) => {
    const { wishes, problems } = read({ [ANNOTATION_PORT]: port });
    expect(wishes).toEqual({});
    expect(problems).toEqual([
      {
        code: "MANIFEST_ANNOTATION",
        path: ["metadata", "annotations", ANNOTATION_PORT],
        message: `expected a port from 1 to 65535, got ${JSON.stringify(port)}`,
        expected: "a port from 1 to 65535",
        actual: JSON.stringify(port),
      },
    ]);
  },
);

test.each(["a.wasm", "../a.wasm", "/srv/a.wasm", "with space.wasm", "C:\\a.wasm"])(
  "annotations: path %j is accepted",
  (path) => {
    expect(read({ [ANNOTATION_SOURCE_PATH]: path }).wishes.sourcePath).toBe(path);
  },
);

test.each(["", "  ", "https://example.com/a.wasm", "file:///a.wasm", "a\0b"])(
  "annotations: path %j is refused",
  (path) => {
    const { wishes, problems } = read({ [ANNOTATION_SOURCE_PATH]: path });
    expect(wishes).toEqual({});
    expect(problems).toMatchObject([{ code: "MANIFEST_ANNOTATION" }]);
  },
);

test("annotations: a path longer than any file system takes is refused", () => {
  expect(read({ [ANNOTATION_SOURCE_PATH]: "a".repeat(4097) }).problems).toHaveLength(1);
  expect(read({ [ANNOTATION_SOURCE_PATH]: "a".repeat(4096) }).problems).toEqual([]);
});

test("annotations: a misspelt one of Wasmlet is reported, an unrelated one is not", () => {
  expect(read({ "wasmlet.dev/prot": "80" }).problems).toMatchObject([
    { message: "unknown annotation; did you mean wasmlet.dev/port?" },
  ]);
  expect(read({ "wasmlet.dev/restarted-at": "now" }).problems).toEqual([]);
});

test.each([undefined, null, "x", [], { [ANNOTATION_PORT]: 8080 }])(
  "annotations: %j asks for nothing",
  (annotations) => {
    expect(read(annotations)).toEqual({ wishes: {}, problems: [] });
  },
);
