import type { ModuleShape } from "./module-shape.ts";

/** A function to append, in the binary format. */
export interface AppendedFunction {
  type: Uint8Array;
  /** Its body, the size in front. */
  body: Uint8Array;
}

/** Where a module's own types, functions and globals end. */
type OwnCounts = Pick<ModuleShape, "types" | "imported" | "globals" | "functions">;

/**
 * Functions with their types, and globals, that a module gets behind its own: each once, by a key, when it is first
 * asked for while the code is patched.
 */
export class Appendix {
  readonly types: Uint8Array[] = [];
  /** Each function's type, by its index, and body. */
  readonly functions: { type: number; body: Uint8Array }[] = [];
  readonly globals: Uint8Array[] = [];
  readonly #own: OwnCounts;
  readonly #indices = new Map<string, number>();

  constructor(own: OwnCounts) {
    this.#own = own;
  }

  /** Returns the index of the function named `key`. */
  function(key: string, make: () => AppendedFunction): number {
    return this.#once(`function ${key}`, () => {
      const { type, body } = make();
      const index = this.#own.imported.functions + this.#own.functions + this.functions.length;
      this.functions.push({ type: this.type(type), body });
      return index;
    });
  }

  /** Returns the index of the global named `key`, an entry of the global section. */
  global(key: string, entry: Uint8Array): number {
    return this.#once(`global ${key}`, () => {
      this.globals.push(entry);
      return this.#own.imported.globals + this.#own.globals.length + this.globals.length - 1;
    });
  }

  /** Returns the index of that global, if it was asked for. */
  findGlobal(key: string): number | undefined {
    return this.#indices.get(`global ${key}`);
  }

  /** Returns the index of this type. */
  type(type: Uint8Array): number {
    return this.#once(`type ${Buffer.from(type).toString("hex")}`, () => {
      this.types.push(type);
      return this.#own.types + this.types.length - 1;
    });
  }

  #once(key: string, make: () => number): number {
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = make();
    this.#indices.set(key, index);
    return index;
  }
}
