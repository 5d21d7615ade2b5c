import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { planBinding } from "../../prepare/component/binding-planner.ts";
import { UNOBSERVED, type HostImports, type WasiHost } from "../../wasi/host.ts";
import type { LeanInstance } from "./lean-instance.ts";
import { BoundComponent } from "./bound-component.ts";
import { LeanProgram } from "./lean-program.ts";

/** The interface that test components import, and the one export that they are called by. */
export const TEST_INTERFACE = "test:host/api";

/** A component around a few lines of core code, for tests of the canonical ABI. */
export interface TestComponent {
  /** Exports of the imported interface, in WAT; `$thing` is its resource. */
  declares: string;
  /** Core functions that `main` imports: name, WAT signature, and the lowered or dropped thing. */
  imports?: readonly { name: string; signature: string; canon: string }[];
  /** The type of the component's export `run`, and the core code behind it. */
  runType?: string;
  /** Definitions of the core module `main`, which exports `run`. */
  code: string;
  /** The body of `realloc: (i32 i32 i32 i32) -> i32`; allocates at 1024 unless given. */
  realloc?: string;
  /** Functions that `realloc` may reach, put into the memory's own module. */
  liftOptions?: string;
}

/** Returns the WAT of a test component. */
export function testComponentWat({
  declares,
  imports = [],
  runType = "(func)",
  code,
  realloc = "i32.const 1024",
  liftOptions = "",
}: TestComponent): string {
  return `(component
    (import "${TEST_INTERFACE}" (instance $api
      (export "thing" (type $thing (sub resource)))
      ${declares}))
    (alias export $api "thing" (type $thing))
    (core module $memory
      (memory (export "memory") 1)
      (global $reenter (export "reenter") (mut i32) (i32.const 0))
      (table (export "table") 4 funcref)
      (type $plain (func))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (if (global.get $reenter) (then (call_indirect (type $plain) (i32.const 0))))
        ${realloc}))
    (core instance $memory (instantiate $memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    ${imports.map(({ name, canon }) => `(core func $${name} ${canon})`).join("\n")}
    (core module $main
      (import "env" "memory" (memory 1))
      (import "env" "reenter" (global $reenter (mut i32)))
      (import "env" "table" (table $table 4 funcref))
      ${imports.map(({ name, signature }) => `(import "host" "${name}" (func $${name} ${signature}))`).join("\n")}
      ${code})
    (core instance $main (instantiate $main
      (with "env" (instance $memory))
      (with "host" (instance ${imports.map(({ name }) => `(export "${name}" (func $${name}))`).join(" ")}))))
    (func (export "run") ${runType.replace(/^\(func/, "").replace(/\)$/, "")}
      (canon lift (core func $main "run") (memory $mem) (realloc $realloc) ${liftOptions})))`;
}

/** Compiles WAT to a program of the lean engine; throws the reason when there is no plan. */
export async function leanProgram(wat: string): Promise<LeanProgram> {
  const planned = planBinding(await parse(wat));
  if ("reason" in planned) throw new Error(`no plan: ${planned.reason}`);
  const modules = planned.modules.map((bytes) => ({
    module: new WebAssembly.Module(bytes),
    hostMemoryPages: undefined,
    rewriting: undefined,
  }));
  return new LeanProgram(new BoundComponent(planned.plan, () => modules, false), false);
}

/** Makes an instance over a host of nothing but these functions. */
export function instanceOver(program: LeanProgram, api: Record<string, unknown>): Promise<LeanInstance> {
  const imports: HostImports = { [TEST_INTERFACE]: api };
  return Promise.resolve(program.instantiate({ imports, activity: UNOBSERVED } as unknown as WasiHost));
}
