import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { repositoryFile } from "./harness.ts";

/** Prints the URL of each module that `main` loads when it starts. */
const LIST_MODULES = `
  import { registerHooks } from "node:module";
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      console.log(resolved.url);
      return resolved;
    },
  });
  await import(process.argv[1]);
  process.exit(0);`;

test.each(["cell", "prepare"])("%s: loads no typebox, which would take most of its start", async (folder) => {
  const main = repositoryFile(`node-runtime/${folder}/main.ts`);
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", LIST_MODULES, main]);
  const modules = stdout.trim().split("\n");
  expect(modules.filter((url) => url.includes("/node_modules/valibot/"))).not.toEqual([]);
  expect(modules.filter((url) => url.includes("/node_modules/typebox/"))).toEqual([]);
});
