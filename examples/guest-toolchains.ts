import { spawn } from "node:child_process";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { WasmletError } from "../common/errors.ts";
import { type Guest, REPOSITORY, type Recipe } from "./guest-catalog.ts";

type RecipeOf<Tool extends Recipe["tool"]> = Extract<Recipe, { tool: Tool }>;

/** Where compilers leave what they need for the next build; ignored by git. */
const TARGET_FOLDER = join(REPOSITORY, ".cache/guests/target");

const HOW_TO_GET = {
  cargo:
    "install Rust from rustup.rs, then: rustup target add wasm32-wasip1 wasm32-wasip2 wasm32-unknown-unknown x86_64-unknown-linux-musl aarch64-unknown-linux-musl",
  go: "install Go 1.24 or later from go.dev",
  clang: "on Debian: apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32",
} as const satisfies Record<Recipe["tool"], string>;

/** Builds `guest` in place, and returns the compiler's version. Throws GUEST_BUILD_FAILED. */
export async function buildGuest(guest: Guest): Promise<string> {
  const { recipe } = guest;
  const source = join(REPOSITORY, guest.source);
  const wasm = join(REPOSITORY, guest.wasm);
  switch (recipe.tool) {
    case "cargo":
      await buildWithCargo(recipe, source, wasm);
      break;
    case "go":
      await buildWithGo(source, wasm);
      break;
    case "clang":
      await buildWithClang(recipe, source, wasm);
      break;
  }
  return readVersion(recipe.tool);
}

/** What is missing to build with `recipe` and how to get it, or undefined when nothing is. */
export async function findMissingTool(recipe: Recipe): Promise<string | undefined> {
  const missing = (await hasTool(recipe)) ? undefined : recipe.tool;
  return missing === undefined ? undefined : `needs ${describe(recipe)}: ${HOW_TO_GET[missing]}`;
}

function describe(recipe: Recipe): string {
  return recipe.tool === "cargo" ? `cargo with the target ${recipe.target}` : recipe.tool;
}

async function hasTool(recipe: Recipe): Promise<boolean> {
  try {
    await readVersion(recipe.tool);
    if (recipe.tool !== "cargo") return true;
    return existsSync((await run("rustc", ["--print", "target-libdir", "--target", recipe.target], REPOSITORY)).trim());
  } catch {
    return false;
  }
}

async function readVersion(tool: Recipe["tool"]): Promise<string> {
  const [command, ...args] = { cargo: ["rustc", "--version"], go: ["go", "version"], clang: ["clang", "--version"] }[
    tool
  ];
  return (await run(command ?? tool, args, REPOSITORY)).split("\n", 1)[0] ?? "";
}

async function buildWithCargo(recipe: RecipeOf<"cargo">, source: string, wasm: string): Promise<void> {
  const rustflags = `target.${recipe.target}.rustflags=${JSON.stringify(await buildPathRemaps(source))}`;
  const args = ["build", "--release", "--locked", "--quiet", "--target", recipe.target, "--target-dir", TARGET_FOLDER];
  const isNative = !recipe.target.startsWith("wasm32-");
  // Rust's own linker links for every architecture; a library for the host is of no use.
  const native = isNative ? ["--bins", "--config", `target.${recipe.target}.linker="rust-lld"`] : [];
  await run("cargo", [...args, ...native, "--config", rustflags], source);
  const built = join(TARGET_FOLDER, recipe.target, "release", `${recipe.artifact}${isNative ? "" : ".wasm"}`);
  if (recipe.componentize) await writeComponent(built, wasm);
  else await copyFile(built, wasm);
}

/** Panic messages name source files: this keeps the machine's folders out of them. */
async function buildPathRemaps(source: string): Promise<string[]> {
  const metadata = await run("cargo", ["metadata", "--format-version", "1", "--locked"], source);
  const { packages } = JSON.parse(metadata) as { packages: { name: string; version: string; manifest_path: string }[] };
  return packages.map(({ name, version, manifest_path: manifest }) => {
    return `--remap-path-prefix=${dirname(manifest)}=${name}-${version}`;
  });
}

async function buildWithGo(source: string, wasm: string): Promise<void> {
  const settings = ["GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"];
  const args = ["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", wasm, "."];
  await run("env", [...settings, "go", ...args], source);
}

async function buildWithClang(recipe: RecipeOf<"clang">, source: string, wasm: string): Promise<void> {
  const model = recipe.reactor ? ["-mexec-model=reactor"] : [];
  const flags = ["--target=wasm32-wasi", "-Oz", "-flto", "-Wall", "-Wextra", "-Wl,--strip-all"];
  await run("clang", [...flags, ...model, "-o", wasm, ...recipe.files], source);
  if (recipe.componentize) await writeComponent(wasm, wasm);
}

async function writeComponent(core: string, wasm: string): Promise<void> {
  // Loaded here: it takes longer than all of --check.
  const { componentNew } = await import("@bytecodealliance/jco");
  await writeFile(wasm, await componentNew(await readFile(core), []));
}

/** Runs a compiler and returns its stdout. */
async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [code, out, err] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
  if (code === 0) return out;
  throw new WasmletError("GUEST_BUILD_FAILED", `${command} ended with code ${code}: ${err}`, { where: cwd });
}
