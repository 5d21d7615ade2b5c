import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const WIT = fileURLToPath(new URL("../../node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12", import.meta.url));

/**
 * Returns the WIT of all packages of WASI 0.2.12, nested. What they have behind feature gates is offered too where the host
 * has it (1xx responses), so the gates are opened.
 */
export function wasiPackages(): string {
  const packages = readdirSync(WIT).map((name) => {
    const source = readFileSync(`${WIT}/${name}/package.wit`, "utf8");
    const open = source.replaceAll(/@unstable\([^)]*\)/g, "@since(version = 0.2.0)");
    return `${open.replace(/^package ([^;]+);/m, "package $1 {")}\n}`;
  });
  return packages.join("\n");
}
