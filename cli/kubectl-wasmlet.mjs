#!/usr/bin/env node
// The bin of package.json. Plain JavaScript, so that an old Node.js can say that it is too old, and so that the
// compile cache is on before any TypeScript is read: stripping its types costs more than the rest of `--help`.
import module from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";

const OLDEST_MAJOR = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST_MAJOR) {
  process.stderr.write(
    `error: kubectl-wasmlet needs Node.js ${OLDEST_MAJOR} or later, this is ${process.versions.node}\n` +
      "  fix: install a newer one, or put one in front of the older on PATH\n",
  );
  process.exitCode = 1;
} else {
  // In the package's own folder: whoever may write it may write the code as well. Where it is read-only, nothing is kept.
  module.enableCompileCache(fileURLToPath(new URL("../.cache/compiled", import.meta.url)));
  await import("./kubectl/main.ts");
}
