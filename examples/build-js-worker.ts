/**
 * The child process of `build-js.ts`: componentizes `<source> <world file> <out file>`. The world goes in as text, so that
 * componentize-js reads no WIT from disk, which its WASI shim does not allow.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { resolve } from "node:path";

interface Componentizer {
  componentize(options: {
    sourcePath: string;
    witWorld: string;
    worldName: string;
  }): Promise<{ component: Uint8Array }>;
}

const PACKAGE = "@bytecodealliance/componentize-js";
const jcoUrl = import.meta.resolve("@bytecodealliance/jco");

// componentize-js imports preview2-shim without declaring it; jco, which brings both, has it.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier.startsWith("@bytecodealliance/")
      ? next(specifier, { ...context, parentURL: jcoUrl })
      : next(specifier, context),
});

const [source = "", world = "", out = ""] = process.argv.slice(2);
const componentizer = (await import(PACKAGE)) as Componentizer;
const { component } = await componentizer.componentize({
  sourcePath: resolve(source),
  witWorld: readFileSync(world, "utf8"),
  worldName: "hello",
});
writeFileSync(out, component);
