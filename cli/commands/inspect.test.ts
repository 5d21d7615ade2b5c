import { expect, test } from "vitest";
import type { PreparedArtifact } from "../../node-runtime/artifacts/prepared-artifact.ts";
import { describeArtifact, summarise } from "./inspect.ts";

const MODULE: PreparedArtifact = {
  pipeline: "1",
  files: {},
  digest: `sha256:${"0".repeat(64)}`,
  bytes: 2048,
  kind: "core-module",
  wasi: "preview1",
  engine: "core-module",
  imports: ["wasi_snapshot_preview1.fd_write"],
  exports: ["_start", "memory"],
  triggers: ["command"],
  modules: [{ name: "main", file: "main.wasm", bytes: 2048, minMemoryPages: 17 }],
};

test("inspect: a core module's imports and exports are listed", () => {
  expect(describeArtifact("a.wasm", MODULE)).toBe(
    `${[
      "file:     a.wasm",
      `digest:   sha256:${"0".repeat(64)}`,
      "size:     2.0 KiB",
      "kind:     core-module",
      "wasi:     preview1",
      "engine:   core-module",
      "triggers: command",
      "memory:   1.1 MiB at the start",
      "modules:  1",
      "",
      "imports:",
      "  wasi_snapshot_preview1.fd_write",
      "exports:",
      "  _start",
      "  memory",
    ].join("\n")}\n`,
  );
});

test("inspect: the program of an artifact in a registry has a digest of its own", () => {
  const lines = describeArtifact("ghcr.io/a/b:1", MODULE, "program").split("\n");
  expect(lines).toContain(`program:  sha256:${"0".repeat(64)}`);
  expect(lines.some((line) => line.startsWith("digest:"))).toBe(false);
});

test("inspect: a component's world is shown as WIT instead", () => {
  const wit = "package root:component;\n\nworld root {\n}\n";
  const text = describeArtifact("a.wasm", { ...MODULE, kind: "component", wit });
  expect(text.endsWith(`\n\n${wit}`)).toBe(true);
  expect(text).not.toContain("imports:");
});

test("inspect: JSON leaves out how the cache is laid out", () => {
  const summary = summarise("a.wasm", MODULE);
  expect(summary).toMatchObject({ file: "a.wasm", coreModules: 1, initialMemoryBytes: 17 * 65_536 });
  expect(Object.keys(summary)).not.toContain("modules");
});
