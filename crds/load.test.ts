import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadManifests } from "./load.ts";
import { formatProblem } from "./manifest/manifest-problem.ts";

const HELLO = `apiVersion: wasmlet.dev/v1alpha1
kind: WasmApp
metadata:
  name: hello
spec:
  source:
    oci:
      image: registry.example.com/hello:1
`;

/** The manifest with a comment that brings it to so many bytes. */
function padded(bytes: number): string {
  return `${HELLO}#${"x".repeat(bytes - HELLO.length - 1)}`;
}

/** The problems of a file as the lines a user sees. */
function linesOf(text: string): string[] {
  return loadManifests(text, { file: "app.yaml" }).problems.map(formatProblem);
}

/** The code and place of each problem of a file. */
function placesOf(text: string): string[] {
  const { problems } = loadManifests(text, { file: "app.yaml" });
  return problems.map(({ code, line, column, path }) => `${code} ${line}:${column} ${path}`.trim());
}

describe("what is loaded", () => {
  test("load: a WasmApp comes with defaults and its place", () => {
    const { apps, problems } = loadManifests(`# comment\n---\n${HELLO}`, { file: "app.yaml" });
    expect(problems).toEqual([]);
    expect(apps).toHaveLength(1);
    expect(apps[0]).toMatchObject({ file: "app.yaml", line: 3, column: 1 });
    expect(apps[0]?.app).toMatchObject({ metadata: { namespace: "default" }, spec: { trigger: { http: {} } } });
  });

  test("load: several documents of three kinds, empty ones skipped", () => {
    const text = `---
${HELLO}---
---
# only a comment
---
apiVersion: v1
kind: ConfigMap
metadata: { name: config.example }
data: { a.txt: "1" }
binaryData: { b.bin: AAEC }
---
apiVersion: v1
kind: Secret
type: Opaque
metadata: { name: token, namespace: prod }
data: { a: aGVsbG8= }
stringData: { b: hello }
`;
    const loaded = loadManifests(text, { file: "app.yaml" });
    expect(loaded.problems).toEqual([]);
    expect(loaded.apps.map(({ app }) => app.metadata.name)).toEqual(["hello"]);
    expect(loaded.configMaps).toEqual([
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "config.example", namespace: "default" },
        data: { "a.txt": "1" },
        binaryData: { "b.bin": "AAEC" },
      },
    ]);
    expect(loaded.secrets).toMatchObject([
      { metadata: { namespace: "prod" }, data: { a: "aGVsbG8=" }, stringData: { b: "hello" } },
    ]);
  });

  test("load: JSON is YAML", () => {
    const text = JSON.stringify({
      apiVersion: "wasmlet.dev/v1alpha1",
      kind: "WasmApp",
      metadata: { name: "a" },
      spec: { source: { oci: { image: "a" } } },
    });
    expect(loadManifests(text, { file: "a.json" })).toMatchObject({
      apps: [{ app: { metadata: { name: "a" } } }],
      problems: [],
    });
  });

  test("load: standalone annotations come beside the app", () => {
    const text = HELLO.replace(
      "name: hello",
      'name: hello\n  annotations: { wasmlet.dev/source-path: ./a.wasm, wasmlet.dev/port: "8081" }',
    );
    expect(loadManifests(text, { file: "app.yaml" }).apps[0]).toMatchObject({ sourcePath: "./a.wasm", port: 8081 });
  });

  test("load: a sound document is loaded beside a broken one", () => {
    const { apps, problems } = loadManifests(`${HELLO}---\nkind: Nope\n---\n${HELLO.replace("hello", "second")}`, {
      file: "app.yaml",
    });
    expect(apps.map(({ app }) => app.metadata.name)).toEqual(["hello", "second"]);
    expect(problems).toHaveLength(1);
  });

  test.each(["", "\n", "# comment\n", "---\n", "---\n---\n...\n", "~\n", "\uFEFF"])(
    "load: %j holds nothing, without a problem",
    (text) => {
      expect(loadManifests(text, { file: "app.yaml" })).toEqual({
        apps: [],
        configMaps: [],
        secrets: [],
        problems: [],
      });
    },
  );

  test("load: anchors, aliases and merges mean what kubectl makes of them", () => {
    const text = `${HELLO}  env:
    - &first { name: A, value: "1" }
    - <<: *first
      name: B
    - <<: [{ name: C, value: "3" }, { value: "4" }]
  trigger:
    command: { args: &args [x] }
`;
    const [manifest] = loadManifests(text, { file: "app.yaml" }).apps;
    expect(manifest?.app.spec.env).toEqual([
      { name: "A", value: "1" },
      { name: "B", value: "1" },
      { name: "C", value: "3" },
    ]);
    expect(manifest?.app.spec.trigger.command?.args).toEqual(["x"]);
  });

  test("load: an alias means the anchor before it, however often the name is used", () => {
    const text = `${HELLO}  env:
    - &x { name: A, value: &v "1" }
    - { name: B, value: &v "2" }
    - { name: C, value: *v }
`;
    expect(loadManifests(text, { file: "app.yaml" }).apps[0]?.app.spec.env.at(-1)).toEqual({ name: "C", value: "2" });
  });

  test("load: an app can tell where its fields stand", () => {
    const [manifest] = loadManifests(HELLO, { file: "app.yaml" }).apps;
    expect(manifest?.locate(["spec", "source", "oci", "image"])).toEqual({ line: 8, column: 14 });
    expect(manifest?.locate(["spec", "limits", "memory"])).toEqual({ line: 5, column: 1 });
    expect(manifest?.locate([])).toEqual({ line: 1, column: 1 });
  });
});

describe("messages", () => {
  test("contract: every problem of a file is one line with file, line, column, field and what was expected", () => {
    const text = `apiVersion: wasmlet.dev/v1alpha1
kind: WasmApp
metadata:
  name: Hello
  annotations:
    wasmlet.dev/port: "0"
spec:
  source:
    oci:
      image: registry.example.com/hello:1
    http: {}
  trigger: {http: {}, command: {}}
  limits:
    memry: 64Mi
    requestTimeoutSeconds: ten
  env:
    - name: PORT
      value: 8080
---
kind: Deployment
apiVersion: apps/v1
`;
    expect(linesOf(text).sort()).toEqual([
      "app.yaml:11:5: spec.source.http.sha256: is required: 64 lower-case hexadecimal digits",
      "app.yaml:11:5: spec.source.http.url: is required: an absolute http:// or https:// URL without credentials",
      "app.yaml:12:12: spec.trigger: exactly one of http, command, cron is expected; got http and command",
      'app.yaml:14:5: spec.limits.memry: unknown field "memry"; did you mean memory?',
      'app.yaml:15:28: spec.limits.requestTimeoutSeconds: expected a whole number, got "ten"',
      "app.yaml:18:14: spec.env[0].value: expected a text, got the number 8080; put it in quotes",
      'app.yaml:20:7: kind: expected a WasmApp, ConfigMap or Secret, got "Deployment"',
      'app.yaml:4:9: metadata.name: expected a name of at most 63 lower-case letters, digits and - that starts with a letter, got "Hello"',
      'app.yaml:6:23: metadata.annotations["wasmlet.dev/port"]: expected a port from 1 to 65535, got "0"',
    ]);
  });

  test("contract: a problem also comes in parts, with what to do", () => {
    const { problems } = loadManifests(HELLO.replace("oci:", "ocii:"), { file: "app.yaml" });
    expect(problems).toEqual([
      {
        code: "MANIFEST_UNKNOWN_FIELD",
        file: "app.yaml",
        line: 7,
        column: 5,
        path: "spec.source.ocii",
        message: 'unknown field "ocii"; did you mean oci?',
        expected: "one of oci, http, configMap",
        actual: '"ocii"',
        fix: "Correct the name or remove the field.",
      },
    ]);
  });

  test.each([
    [
      "kind: Wasmapp",
      'app.yaml:1:7: kind: expected a WasmApp, ConfigMap or Secret, got "Wasmapp"; did you mean WasmApp?',
    ],
    [
      "kind: List",
      'app.yaml:1:7: kind: expected a WasmApp, ConfigMap or Secret, got "List"; write its items as documents separated by ---',
    ],
    ["kind: 5", "app.yaml:1:7: kind: expected a WasmApp, ConfigMap or Secret, got the number 5"],
    ["kind: toString", 'app.yaml:1:7: kind: expected a WasmApp, ConfigMap or Secret, got "toString"'],
    ["name: x", "app.yaml:1:1: kind: is required: a WasmApp, ConfigMap or Secret"],
    ["- a", "app.yaml:1:1: expected a WasmApp, ConfigMap or Secret, got a list of 1"],
    ["hello", 'app.yaml:1:1: expected a WasmApp, ConfigMap or Secret, got "hello"'],
    [
      "apiVersion: wasmlet.dev/v1\nkind: WasmApp",
      'app.yaml:1:13: apiVersion: expected wasmlet.dev/v1alpha1 for a WasmApp, got "wasmlet.dev/v1"',
    ],
    ["kind: Secret", "app.yaml:1:1: apiVersion: expected v1 for a Secret, got nothing"],
  ])("contract: %j is refused in these words", (text, line) => {
    expect(linesOf(text)).toEqual([line]);
  });

  test("load: words that kubectl takes for booleans are not texts here either", () => {
    const text = `${HELLO}  env: [{ name: A, value: yes }, { name: B, value: "yes" }, { name: C, value: 0777 }]\n`;
    expect(linesOf(text)).toEqual([
      "app.yaml:9:27: spec.env[0].value: expected a text, got true; put it in quotes",
      "app.yaml:9:79: spec.env[2].value: expected a text, got the number 511; put it in quotes",
    ]);
  });

  test("contract: no value of a Secret is in a message", () => {
    const text = `apiVersion: v1
kind: Secret
metadata: { name: token }
data: { a: "not base64: hunter2", b: 1234567 }
stringData: { c: 7654321, d: [hunter2] }
`;
    const { problems } = loadManifests(text, { file: "app.yaml" });
    expect(problems.map(({ path }) => path)).toEqual(["data.a", "data.b", "stringData.c", "stringData.d"]);
    expect(JSON.stringify(problems)).not.toMatch(/hunter2|1234567|7654321/);
  });
});

describe("places", () => {
  test.each([
    ["an unknown field at its name", `${HELLO}  scal: {}\n`, "MANIFEST_UNKNOWN_FIELD 9:3 spec.scal"],
    ["a wrong value at the value", `${HELLO}  scale: 5\n`, "MANIFEST_TYPE 9:10 spec.scale"],
    [
      "a missing field at its parent",
      HELLO.replace("image: registry.example.com/hello:1", "imagePullPolicy: Never"),
      "MANIFEST_MISSING_FIELD 7:5 spec.source.oci.image",
    ],
    ["a missing section at the document", HELLO.slice(0, HELLO.indexOf("spec:")), "MANIFEST_MISSING_FIELD 1:1 spec"],
    [
      "an entry of a list",
      `${HELLO}  env:\n    - name: A\n    - name: "1"\n`,
      "MANIFEST_FORMAT 11:13 spec.env[1].name",
    ],
    [
      "an entry of a flow list",
      `${HELLO}  network: { allowedOutboundHosts: [a, "b c"] }\n`,
      "MANIFEST_FORMAT 9:40 spec.network.allowedOutboundHosts[1]",
    ],
    ["the second of two keys", `${HELLO}  env: []\n  env: []\n`, "MANIFEST_DUPLICATE_KEY 10:3 spec.env"],
    [
      "a value behind an alias, at its anchor",
      `${HELLO.replace("name: hello", "name: hello\n  labels: { a: &bad A B }")}  env: [{ name: *bad }]\n`,
      "MANIFEST_FORMAT 5:21 spec.env[0].name",
    ],
    ["a file with CRLF", `${HELLO}  scale: 5\n`.replaceAll("\n", "\r\n"), "MANIFEST_TYPE 9:10 spec.scale"],
    ["a document further down", `${HELLO}---\n${HELLO}  scale: 5\n`, "MANIFEST_TYPE 18:10 spec.scale"],
    [
      "characters outside ASCII",
      `${HELLO}  env: [{ name: "A", value: "ä€" }, { name: "B C" }]\n`,
      "MANIFEST_FORMAT 9:45 spec.env[1].name",
    ],
  ])("place: %s", (_case, text, place) => {
    expect(placesOf(text)).toContain(place);
  });

  test("place: three equal keys are two problems, each at its own place", () => {
    expect(placesOf(`${HELLO}  env: []\n  env: []\n  env: []\n`)).toEqual([
      "MANIFEST_DUPLICATE_KEY 10:3 spec.env",
      "MANIFEST_DUPLICATE_KEY 11:3 spec.env",
    ]);
  });
});

describe("YAML that is none", () => {
  test.each([
    ["an open list", "a: [1, 2", "MANIFEST_SYNTAX"],
    ["a mapping inside a line", "a: b: c", "MANIFEST_SYNTAX"],
    ["a tab", "\ta: 1", "MANIFEST_SYNTAX"],
    ["an open quote", 'a: "x', "MANIFEST_SYNTAX"],
    ["an alias without an anchor", "a: *nowhere", "MANIFEST_SYNTAX"],
    ["an alias before its anchor", "a: *x\nb: &x 1", "MANIFEST_SYNTAX"],
    ["a foreign tag", "a: !!python/object x", "MANIFEST_SYNTAX"],
    ["a type tag", "a: !!int '5'", "MANIFEST_SYNTAX"],
    ["a list for a key", "? [a]\n: b", "MANIFEST_TYPE"],
    ["null for a key", "~: b", "MANIFEST_TYPE"],
    ["a merge of no mapping", "<<: 5", "MANIFEST_TYPE"],
    ["an alias to itself", "a: &a [*a]", "MANIFEST_TOO_DEEP"],
    ["very deep lists", "[".repeat(40_000), "MANIFEST_TOO_DEEP"],
    ["very deep mappings", "{a: ".repeat(8_000), "MANIFEST_TOO_DEEP"],
    ["rather deep lists", `a: ${"[".repeat(80)}${"]".repeat(80)}`, "MANIFEST_TOO_DEEP"],
  ])("load: %s is refused", (_case, text, code) => {
    expect(placesOf(text)[0]).toMatch(new RegExp(`^${code} `));
  });

  test("load: a syntax error in one document leaves the others readable", () => {
    const { apps, problems } = loadManifests(`${HELLO}---\na: b: c\n---\n${HELLO}`, { file: "app.yaml" });
    expect(apps).toHaveLength(2);
    expect(problems).toMatchObject([{ code: "MANIFEST_SYNTAX", line: 10 }]);
  });

  test("load: a document with a repeated key is not served, whichever of the two was meant", () => {
    const { apps, problems } = loadManifests(HELLO.replace("name: hello", "name: hello\n  name: other"), {
      file: "app.yaml",
    });
    expect(apps).toEqual([]);
    expect(problems).toMatchObject([{ message: '"name" is given twice; the first is at 4:3', line: 5 }]);
  });

  test("load: a YAML bomb is refused before it grows", () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(10)}]`,
    );
    expect(placesOf(`a0: &a0 [x]\n${levels.join("\n")}\n`)).toEqual([
      expect.stringMatching(/^MANIFEST_TOO_LARGE \d+:\d+ /),
    ]);
  });

  test("load: a merge bomb is refused before it grows", () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `a${level + 1}: &a${level + 1} {x${level}: *a${level}, <<: *a${level}}`,
    );
    expect(placesOf(`a0: &a0 {x: 1}\n${levels.join("\n")}\n`)).toEqual([
      expect.stringMatching(/^MANIFEST_TOO_(LARGE|DEEP) /),
    ]);
  });

  test("load: 1 MiB is read, one byte more is not", () => {
    expect(loadManifests(padded(1_048_576), { file: "app.yaml" })).toMatchObject({ apps: [{}], problems: [] });
    expect(linesOf(padded(1_048_577))).toEqual(["app.yaml:1:1: the file has 1048577 bytes; 1048576 are the most"]);
  });

  test("load: 1000 documents are read, one more is not", () => {
    expect(linesOf("---\n".repeat(1000))).toEqual([]);
    expect(linesOf("---\n".repeat(1001))).toEqual(["app.yaml:1001:1: the file has more than 1000 documents"]);
  });

  test.each([
    ["of the YAML reader's", "a: 1\n".repeat(1500)],
    ["of the schema's", HELLO + Array.from({ length: 1500 }, (_, index) => `  unknown${index}: 1\n`).join("")],
    ["of many documents", `--- {}\n`.repeat(900)],
  ])("load: reading stops after a hundred problems %s, and says so", (_whose, text) => {
    const lines = linesOf(text);
    expect(lines).toHaveLength(101);
    expect(lines.at(-1)).toMatch(/^app\.yaml:\d+:\d+: reading stopped after 100 problems; there may be more$/);
  });

  test("load: of a list that is too long, the entries that it may have are judged", () => {
    const text = `${HELLO}  env: [${"{ name: a b },".repeat(300)}]\n`;
    expect(linesOf(text)).toContain("app.yaml:9:8: spec.env: expected at most 256 entries, got 300");
    const twice = `${HELLO}  env: [${Array.from({ length: 300 }, (_, index) => `{ name: "A${index}", value: "" }`).join(", ")}]\n`;
    expect(linesOf(twice)).toEqual(["app.yaml:9:8: spec.env: expected at most 256 entries, got 300"]);
  });

  test.each([
    ["closing braces", "}", "MANIFEST_SYNTAX"],
    ["quotes and braces", '"}\n', "MANIFEST_SYNTAX"],
    ["open quotes", 'a: "\n', "MANIFEST_TOO_LARGE"],
    ["escapes that mean nothing", "\\q\\x", "MANIFEST_SYNTAX", '"'],
    ["aliases", "- *a\n", "MANIFEST_TOO_LARGE"],
    ["anchors", "&a ", "MANIFEST_TOO_LARGE"],
    ["small mappings", "{a: 1}\n", "MANIFEST_SYNTAX"],
    ["empty lines", "\n", "MANIFEST_TOO_LARGE"],
    ["directives", "%\n", "MANIFEST_TOO_LARGE"],
  ])("load: 1 MiB of %s is given up early, with one problem", (_what, piece, code, start = "") => {
    expect(placesOf(start + piece.repeat(Math.floor(1_048_575 / piece.length)))).toEqual([
      expect.stringMatching(new RegExp(`^${code} `)),
    ]);
  });

  test("load: a text with many escapes that do mean something is read", () => {
    const text = `${HELLO}  env: [{ name: A, value: "${String.raw`\x41\u0042\U0001F600\n\\`.repeat(200)}" }]\n`;
    expect(loadManifests(text, { file: "app.yaml" }).apps[0]?.app.spec.env[0]?.value).toBe("AB😀\n\\".repeat(200));
  });

  test("load: a huge key costs no more for having many values below it", () => {
    const text = `kind: WasmApp\napiVersion: wasmlet.dev/v1alpha1\n? ${"k".repeat(400_000)}\n: [${"1, ".repeat(8_000)}]\n`;
    const { problems } = loadManifests(text, { file: "app.yaml" });
    expect(problems.map(({ code }) => code)).toContain("MANIFEST_UNKNOWN_FIELD");
    expect(problems.every(({ message }) => message.length < 1000)).toBe(true);
  });

  test("load: many keys of one mapping are compared in linear time", () => {
    const keys = Array.from({ length: 7_000 }, (_, index) => `k${index}: 1`).join("\n");
    expect(placesOf(keys)).toEqual(["MANIFEST_MISSING_FIELD 1:1 kind"]);
  });
});

describe("anything", () => {
  test("load: whatever the text, problems come back with a place in it, and nothing is thrown", () => {
    const piece = fc.constantFrom(
      ...HELLO.split(/(?<=\n)/),
      "---\n",
      "  - ",
      ": ",
      "&a ",
      "*a",
      "{",
      "}",
      "[",
      "]",
      "'",
      '"',
      "|\n",
      "<<: ",
      "!!str ",
      "\t",
      "? ",
      "%YAML 1.1\n",
      "__proto__: {}\n",
      "constructor: 1\n",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(piece, { maxLength: 20 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (content) => {
        const { problems } = loadManifests(content, { file: "app.yaml" });
        const lineCount = content.split("\n").length;
        for (const { line, column } of problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lineCount);
          expect(column).toBeGreaterThanOrEqual(1);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("load: a WasmApp with a piece cut out is loaded or explained", () => {
    fc.assert(
      fc.property(fc.nat(HELLO.length), fc.nat(40), (start, length) => {
        const { apps, problems } = loadManifests(HELLO.slice(0, start) + HELLO.slice(start + length), {
          file: "app.yaml",
        });
        expect(apps.length + problems.length).toBeGreaterThan(0);
        expect(apps.length === 0 || problems.length === 0).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
