/**
 * The WebAssembly JavaScript API, as far as it is used here; TypeScript keeps it in its DOM library, which does not
 * belong in a server. https://webassembly.github.io/spec/js-api/
 */
declare namespace WebAssembly {
  function validate(bytes: Uint8Array): boolean;

  type ExportValue = ((...args: never[]) => unknown) | Memory | Table | Global;
  type ModuleImports = Record<string, unknown>;
  type Imports = Record<string, ModuleImports>;

  class Module {
    constructor(bytes: Uint8Array);
    static exports(module: Module): { name: string; kind: string }[];
    static imports(module: Module): { module: string; name: string; kind: string }[];
    static customSections(module: Module, name: string): ArrayBuffer[];
  }

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Record<string, ExportValue>;
  }

  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }

  class Table {
    readonly length: number;
    get(index: number): unknown;
    set(index: number, value: unknown): void;
  }

  class Global {
    value: unknown;
  }

  class RuntimeError extends Error {}
  class CompileError extends Error {}
  class LinkError extends Error {}

  /** Wraps an import that returns a promise: the guest is suspended until it settles (JavaScript Promise Integration). */
  class Suspending {
    constructor(implementation: (...args: never[]) => unknown);
  }

  /** Wraps an export so that it returns a promise and may be suspended. */
  function promising(exported: unknown): (...args: unknown[]) => Promise<unknown>;
}
