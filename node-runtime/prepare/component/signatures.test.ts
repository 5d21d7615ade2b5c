import { componentEmbed, componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { HOST_INTERFACES, SPIN_INTERFACES } from "../../wasi/offered.ts";
import { wasiPackages } from "../../wasi/wit-fixture.ts";
import { planBinding } from "./binding-planner.ts";
import { checkSignatures, describeFunctions } from "./signatures.ts";

/** The WIT of all of WASI 0.2.12 with a world that imports it whole. */
function wasiWit(): string {
  const imports = SPIN_INTERFACES.map((name) => `import ${name};`).join(" ");
  const world = `world all { include wasi:cli/imports@0.2.12; include wasi:http/proxy@0.2.12; ${imports} }`;
  return ["package wasmlet:all;", world, wasiPackages(), SPIN_WIT].join("\n");
}

/** What Spin declares: the draft of wasi:config is the same in both versions. */
const STORE = `interface store {
  variant error { upstream(string), io(string) }
  get: func(key: string) -> result<option<string>, error>;
  get-all: func() -> result<list<tuple<string, string>>, error>;
}`;
const SPIN_WIT = `
package fermyon:spin@2.0.0 {
  interface variables {
    variant error { invalid-name(string), undefined(string), provider(string), other(string) }
    get: func(name: string) -> result<string, error>;
  }
}
package wasi:config@0.2.0-draft-2024-09-27 { ${STORE} }
package wasi:config@0.2.0-rc.1 { ${STORE} }`;

function planOf(component: Uint8Array): Extract<ReturnType<typeof planBinding>, { plan: unknown }>["plan"] {
  const planned = planBinding(component);
  if ("reason" in planned) throw new Error(planned.reason);
  return planned.plan;
}

// After a change of the WIT: npx vitest run node-runtime/prepare/component/signatures.test.ts -u
test("signatures: the committed ones are those of WASI's own WIT", async () => {
  const embedded = await componentEmbed({ dummy: true, witSource: wasiWit(), world: "all" });
  const all = describeFunctions(planOf(await componentNew(embedded, [])));
  const described = Object.fromEntries(Object.entries(all).filter(([name]) => HOST_INTERFACES.has(name)));
  expect(Object.keys(all).filter((name) => !HOST_INTERFACES.has(name))).toEqual(["wasi:clocks/timezone"]);
  await expect(`${JSON.stringify(described, null, 2)}\n`).toMatchFileSnapshot("../../wasi/signatures.json");
});

test.each([
  "examples/hello-rust/hello-rust.wasm",
  "examples/hello-c/hello-c.wasm",
  "examples/caller-rust/caller-rust.wasm",
  "test/guests/probe.wasm",
  "test/guests/command.wasm",
])("signatures: %s imports functions as they are", (path) => {
  const plan = planOf(readFileSync(new URL(`../../../${path}`, import.meta.url)));
  expect(() => checkSignatures(plan)).not.toThrow();
});

test.each([
  ["a function that WASI does not have", "[method]pollable.subscribe", `(param "self" (borrow $p)) (param "wake" u32)`],
  ["a function with a parameter more", "[method]pollable.block", `(param "self" (borrow $p)) (param "x" u32)`],
  ["a function with another result", "[method]pollable.ready", `(param "self" (borrow $p)) (result u32)`],
])("signatures: %s is refused", async (_, name, type) => {
  const wat = `(component
    (import "wasi:io/poll@0.2.0" (instance $poll
      (export "pollable" (type $p (sub resource)))
      (export "${name}" (func ${type}))))
    (core func (canon lower (func $poll "${name}"))))`;
  const plan = planOf(await parse(wat));
  expect(() => checkSignatures(plan)).toThrow(`imports wasi:io/poll#${name}, which WASI 0.2 does not have`);
});
