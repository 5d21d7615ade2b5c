import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { planBinding } from "./binding-planner.ts";

const guest = (path: string): Uint8Array => readFileSync(new URL(`../../../${path}`, import.meta.url));

function planOf(component: Uint8Array): Extract<ReturnType<typeof planBinding>, { plan: unknown }> {
  const planned = planBinding(component);
  if ("reason" in planned) throw new Error(planned.reason);
  return planned;
}

function reasonOf(component: Uint8Array): string | undefined {
  const planned = planBinding(component);
  return "reason" in planned ? planned.reason : undefined;
}

test("binding plan: a Rust component is one module whose host functions are imported directly", () => {
  const { plan, modules } = planOf(guest("examples/hello-rust/hello-rust.wasm"));
  expect(modules).toHaveLength(1);
  expect(plan.steps).toEqual([expect.objectContaining({ kind: "instantiate", module: 0 })]);
  const [step] = plan.steps;
  expect(step?.kind === "instantiate" && step.imports.every(({ ref }) => "call" in ref)).toBe(true);
  expect(plan.exports).toEqual([
    expect.objectContaining({
      interface: "wasi:http/incoming-handler@0.2.12",
      name: "handle",
      ref: { step: 0, name: "wasi:http/incoming-handler@0.2.12#handle" },
    }),
  ]);
});

test("binding plan: a start function that the indirection would call is a step of its own", () => {
  const { plan } = planOf(guest("examples/hello-c/hello-c.wasm"));
  expect(plan.steps.map(({ kind }) => kind)).toEqual(["instantiate", "call"]);
});

test("binding plan: an indirection that jumps elsewhere than expected stays as it is", () => {
  const bytes = Buffer.from(guest("examples/hello-c/hello-c.wasm"));
  // The shim's function 0: local.get 3, i32.const 0, call_indirect (type 0) (table 0), end.
  const jump = bytes.indexOf(Buffer.from([0x20, 0x03, 0x41, 0x00, 0x11, 0x00, 0x00, 0x0b]));
  expect(jump).toBeGreaterThan(0);
  bytes[jump + 3] = 0x06;
  const { plan, modules } = planOf(bytes);
  expect(modules).toHaveLength(3);
  expect(plan.steps.map(({ kind }) => kind)).toEqual(["instantiate", "instantiate", "instantiate"]);
});

test("binding plan: interfaces are unversioned, and types say what the WIT says", () => {
  const { plan } = planOf(guest("examples/hello-rust/hello-rust.wasm"));
  const append = plan.functions.find((entry) => entry.kind === "lower" && entry.name === "[method]fields.append");
  expect(append).toMatchObject({ interface: "wasi:http/types", type: { params: [{ name: "self" }, {}, {}] } });
  const types = append?.kind === "lower" ? append.type : undefined;
  expect(types?.params.map(({ type }) => (typeof type === "number" ? plan.types[type]?.kind : type))).toEqual([
    "borrow",
    "string",
    "list",
  ]);
});

test.each([
  ["resources of its own", `(component (type (resource (rep i32))))`, /resources of its own/],
  ["a function that is of no interface", `(component (import "f" (func)))`, /of no interface/],
  [
    "an interface of no package",
    `(component (import "constructor" (instance (export "assign" (func)))))`,
    /no interface of a package/,
  ],
  [
    "strings in UTF-16",
    `(component
      (import "a:b/c" (instance $i (export "f" (func (param "s" string)))))
      (core module $m (memory (export "memory") 1))
      (core instance $m (instantiate $m))
      (core func (canon lower (func $i "f") (memory (core memory $m "memory")) string-encoding=utf16)))`,
    /UTF-8/,
  ],
  [
    "a component with code inside",
    `(component (component $c (core module $m) (core instance (instantiate $m))) (instance (instantiate $c)))`,
    /composed of components/,
  ],
  [
    "a lifted function that is lowered again",
    `(component
      (core module $m (func (export "f")))
      (core instance $m (instantiate $m))
      (func $f (canon lift (core func $m "f")))
      (core func (canon lower (func $f))))`,
    /lifted itself/,
  ],
])("binding plan: %s is left to the general engine", async (_, wat, reason) => {
  expect(reasonOf(await parse(wat))).toMatch(reason);
});

test("binding plan: WASI 0.3 is left to the general engine", () => {
  expect(reasonOf(guest("test/guests/probe-p3.wasm"))).toMatch(/streams|async|futures/);
});

test("binding plan: nested types past the limit are left to the general engine", async () => {
  const types = Array.from({ length: 40 }, (_, index) => `(type $t${index + 1} (list $t${index}))`).join(" ");
  expect(reasonOf(await parse(`(component (type $t0 (list u8)) ${types})`))).toMatch(/nest deeper/);
});

test("binding plan: broken bytes yield a reason or a plan, never an error", () => {
  const original = guest("examples/hello-c/hello-c.wasm");
  // What lies behind the core modules is the component's own: there a changed byte matters most.
  const position = fc.oneof(
    fc.nat(original.length - 1),
    fc.integer({ min: 8, max: 2500 }),
    fc.nat(4000).map((back) => original.length - 1 - back),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(position, fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(original.length),
      (changes, cut) => {
        const bytes = Uint8Array.from(original);
        for (const [at, byte] of changes) bytes[at] = byte;
        for (const input of [bytes, bytes.subarray(0, cut)]) {
          const planned = planBinding(input);
          expect("plan" in planned || planned.reason.length > 0).toBe(true);
        }
      },
    ),
    { numRuns: 400 },
  );
});

test("binding plan: arbitrary bytes behind a header yield a reason or a plan, never an error", () => {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
  fc.assert(
    fc.property(fc.array(fc.nat(255), { maxLength: 200 }), (rest) => {
      const planned = planBinding(Uint8Array.from([...header, ...rest]));
      expect("plan" in planned || planned.reason.length > 0).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
