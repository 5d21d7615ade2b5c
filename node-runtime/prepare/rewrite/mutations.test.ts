import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { WasmletError } from "../../../common/errors.ts";
import { transpile } from "../glue.ts";
import { arbitraryModule } from "./generated-module.ts";
import { rewriteModule } from "./rewrite.ts";

/**
 * The largest growth that a check or a mark can cause: an import's call of two bytes gets eleven in front, a store of
 * three up to 35; sections come on top.
 */
const MAX_GROWTH = { checks: 8, marks: 13 };
const MAX_ADDED_BYTES = 1024;

/**
 * What V8 accepts must be rewritten to what V8 accepts, or routed; what it refuses may also be ARTIFACT_INVALID.
 * Returns what became of it.
 */
function judge(bytes: Uint8Array): "rewritten" | "routed" | "invalid" {
  const outcome = judgeRewriting(bytes, false);
  // Marks may make a function too large.
  const tracked = judgeRewriting(bytes, true);
  if (tracked !== "routed") expect(tracked).toBe(outcome);
  return outcome;
}

function judgeRewriting(bytes: Uint8Array, tracksWrites: boolean): "rewritten" | "routed" | "invalid" {
  const accepted = WebAssembly.validate(bytes);
  try {
    const result = rewriteModule(bytes, {
      maxMemoryPages: 16,
      growth: bytes.length % 2 === 0 ? "logical" : "physical",
      tracksWrites,
      pauses: tracksWrites,
    });
    if ("routed" in result) return "routed";
    expect(result.bytes.length).toBeLessThanOrEqual(
      bytes.length * MAX_GROWTH[tracksWrites ? "marks" : "checks"] + MAX_ADDED_BYTES,
    );
    if (accepted) expect(WebAssembly.validate(result.bytes)).toBe(true);
    return "rewritten";
  } catch (thrown) {
    if (accepted || !(thrown instanceof WasmletError)) throw thrown;
    expect(thrown.code).toBe("ARTIFACT_INVALID");
    return "invalid";
  }
}

interface Mutation {
  at: number;
  kind: "set" | "insert" | "remove" | "cut" | "repeat";
  value: number;
}

const arbitraryMutations = fc.array(
  fc.record<Mutation>({
    at: fc.nat(0xffff),
    kind: fc.constantFrom("set", "set", "set", "insert", "remove", "cut", "repeat"),
    value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x0b, 0x40, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff)),
  }),
  { minLength: 1, maxLength: 3 },
);

function mutate(original: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let bytes = [...original];
  for (const { at, kind, value } of mutations) {
    const index = 8 + (at % Math.max(1, bytes.length - 8));
    if (kind === "set") bytes[index] = value;
    else if (kind === "insert") bytes.splice(index, 0, value);
    else if (kind === "remove") bytes.splice(index, 1);
    else if (kind === "repeat") bytes.splice(index, 0, ...bytes.slice(index, index + value));
    else bytes = bytes.slice(0, index);
  }
  return Uint8Array.from(bytes);
}

test("rewriteModule: mutated generated modules are rewritten validly, routed or refused", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(arbitraryModule(), arbitraryMutations, (bytes, mutations) => {
      seen.add(judge(mutate(bytes, mutations)));
    }),
    { numRuns: 4000 },
  );
  expect(seen).toEqual(new Set(["rewritten", "routed", "invalid"]));
});

test.each(["hello-c", "hello-rust"])(
  "rewriteModule: mutations of %s are rewritten validly, routed or refused",
  async (name) => {
    const file = new URL(`../../../examples/${name}/${name}.wasm`, import.meta.url);
    const { modules } = await transpile(readFileSync(file));
    for (const { bytes } of modules) {
      fc.assert(
        fc.property(arbitraryMutations, (mutations) => void judge(mutate(bytes, mutations))),
        { numRuns: 300 },
      );
    }
  },
);

test("rewriteModule: arbitrary sections are refused or routed, never a crash", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(14), fc.uint8Array({ maxLength: 40 })), { maxLength: 8 }), (sections) => {
      const payloads = sections.flatMap(([id, payload]) => [id, payload.length, ...payload]);
      judge(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...payloads]));
    }),
    { numRuns: 3000 },
  );
});

test("rewriteModule: a count that claims four billion entries ends at the section's end", () => {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  for (let id = 1; id <= 13; id++) {
    const bytes = Uint8Array.from([...header, id, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    expect(["invalid", "routed", "rewritten"]).toContain(judge(bytes));
  }
});
