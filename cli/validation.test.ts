import { expect, test } from "vitest";
import { describeValidation, validateManifests } from "./validation.ts";

function manifest(name: string, spec = "source: { oci: { image: registry.example.com/a:1 } }"): string {
  return `apiVersion: wasmlet.dev/v1alpha1\nkind: WasmApp\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
}

test("validation: manifests without problems", () => {
  const validation = validateManifests([
    { file: "a.yaml", text: manifest("a") },
    { file: "b.yaml", text: `${manifest("b")}---\n${manifest("c")}` },
  ]);
  expect(validation).toEqual({ valid: true, files: 2, apps: 3, problems: [] });
  expect(describeValidation(validation)).toBe("2 files, 3 valid apps: no problems\n");
});

test("validation: two apps of one name in two files are a problem of the second", () => {
  const { valid, problems } = validateManifests([
    { file: "a.yaml", text: manifest("a") },
    { file: "b.yaml", text: `---\n${manifest("a")}` },
  ]);
  expect(valid).toBe(false);
  expect(problems).toEqual([
    expect.objectContaining({
      code: "APP_CONFLICT",
      file: "b.yaml",
      line: 4,
      column: 19,
      message: "the app default/a is also in a.yaml:1:1",
    }),
  ]);
});

test("validation: a problem is shown with its place and what to do", () => {
  const validation = validateManifests([{ file: "a.yaml", text: manifest("a", "sorce: {}") }]);
  const lines = describeValidation(validation).split("\n");
  expect(lines[0]).toBe('a.yaml:4:9: spec.sorce: unknown field "sorce"; did you mean source?');
  expect(lines[1]).toBe("  fix: Correct the name or remove the field.");
  expect(lines.at(-2)).toBe("2 problems (1 file, 0 valid apps)");
});
