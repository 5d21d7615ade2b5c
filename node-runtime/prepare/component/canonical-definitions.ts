import type { CoreRef } from "../../artifacts/binding-plan.ts";
import type { ByteReader } from "./byte-reader.ts";
import { at, type ComponentScope } from "./component-scope.ts";
import type { CoreWiring } from "./core-wiring.ts";
import { NotLean } from "./not-lean.ts";
import { functionTypeOf, resourceOf, typeAt } from "./type-table.ts";

/** The canonical options that the lean engine knows. */
interface CanonicalOptions {
  context: number;
  postReturn: CoreRef | undefined;
}

const CORE_FUNC = 0;
const CORE_MEMORY = 2;

/** Reads one definition of the canon section: a lift, a lower or the drop of a handle; throws NotLean on others. */
export function readCanon(reader: ByteReader, scope: ComponentScope, wiring: CoreWiring): void {
  const opcode = reader.byte();
  switch (opcode) {
    case 0x00: {
      expectFuncSort(reader);
      const core = at(scope.coreSpace(CORE_FUNC), reader.u32());
      const options = readOptions(reader, scope, wiring);
      const type = functionTypeOf(typeAt(scope, reader.u32()));
      scope.funcs.push({ kind: "lifted", core, type, ...options });
      return;
    }
    case 0x01: {
      expectFuncSort(reader);
      const func = at(scope.funcs, reader.u32());
      const { context } = readOptions(reader, scope, wiring);
      if (func.kind === "lifted") throw new NotLean("it calls functions that it lifted itself");
      const { interface: from, name, type } = func;
      const definition = { kind: "lower" as const, interface: from, name, type, context };
      scope.coreSpace(CORE_FUNC).push(wiring.addFunction(definition));
      return;
    }
    case 0x03: {
      const resource = resourceOf(typeAt(scope, reader.u32()));
      scope.coreSpace(CORE_FUNC).push(wiring.addFunction({ kind: "drop", resource }));
      return;
    }
    case 0x02:
    case 0x04:
      throw new NotLean("it defines resources of its own");
    default:
      throw new NotLean("it uses the asynchronous ABI or threads");
  }
}

function expectFuncSort(reader: ByteReader): void {
  if (reader.byte() !== 0x00) throw new NotLean("a canonical definition is of something that is no function");
}

function readOptions(reader: ByteReader, scope: ComponentScope, wiring: CoreWiring): CanonicalOptions {
  let memory: CoreRef | undefined;
  let realloc: CoreRef | undefined;
  let postReturn: CoreRef | undefined;
  reader.vector(() => {
    const option = reader.byte();
    if (option === 0x00) return;
    if (option === 0x03) memory = at(scope.coreSpace(CORE_MEMORY), reader.u32());
    else if (option === 0x04) realloc = at(scope.coreSpace(CORE_FUNC), reader.u32());
    else if (option === 0x05) postReturn = at(scope.coreSpace(CORE_FUNC), reader.u32());
    else if (option === 0x01 || option === 0x02) throw new NotLean("its strings are not in UTF-8");
    else throw new NotLean("it uses the asynchronous ABI");
  });
  return { context: wiring.contextOf(memory, realloc), postReturn };
}
