/*
 * The variables of a Spin application's component, in two interfaces:
 *
 *   fermyon:spin/variables   get: func(name: string) -> result<string, error>
 *   wasi:config/store        get: func(key: string) -> result<option<string>, error>
 *                            get-all: func() -> result<list<tuple<string, string>>, error>
 *
 * https://github.com/spinframework/spin/blob/main/wit/deps/spin@2.0.0/variables.wit and, for how the one maps to the
 * other, crates/factor-variables/src/host.rs there.
 */
import { WasiError } from "../errors.ts";

/** A component's variables, their values worked out. */
export interface Variables {
  /** The component's name. */
  component: string;
  values: ReadonlyMap<string, string>;
  /** Why this is no name of a variable; undefined where it is one. */
  nameProblem: (name: string) => string | undefined;
}

type VariableError = { tag: "invalid-name" | "undefined"; val: string };

/** Returns the interfaces over a component's variables. */
export function createVariableImports(variables: Variables | undefined): Record<string, Record<string, unknown>> {
  return {
    "fermyon:spin/variables": {
      get(name: string): string {
        const { component, values, nameProblem } = granted(variables);
        const problem = nameProblem(name);
        if (problem !== undefined) throw failure("invalid-name", `${JSON.stringify(name)}: ${problem}`);
        const value = values.get(name);
        if (value === undefined) throw failure("undefined", `no variable for "${component}".${JSON.stringify(name)}`);
        return value;
      },
    },
    "wasi:config/store": {
      // A name that is none is not there: https://github.com/WebAssembly/wasi-runtime-config/pull/19
      get: (key: string): string | undefined => granted(variables).values.get(key),
      getAll: (): [string, string][] => [...granted(variables).values],
    },
  };
}

/** An app without variables is refused before it runs: this is the last line. */
function granted(variables: Variables | undefined): Variables {
  if (variables === undefined) throw new Error("only components of Spin applications have variables");
  return variables;
}

function failure(tag: VariableError["tag"], val: string): WasiError<VariableError> {
  return new WasiError({ tag, val });
}
