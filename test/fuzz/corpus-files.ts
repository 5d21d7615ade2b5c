import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import fc from "fast-check";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { arbitraryModule } from "../../node-runtime/prepare/rewrite/generated-module.ts";
import { findKinds } from "../hostile/corpus.ts";
import { buildGuest } from "../hostile/guest-text.ts";
import { guestFile, repositoryFile } from "../harness.ts";
import { EMPTY_POLL, ENDLESS_WITHOUT_CHECKS, TWO_MEMORIES, UNFINISHED_RESPONSE } from "../odd-guests.ts";
import { buildScriptedGuest } from "../scripted-guests.ts";

/** Modules that are made up, of each of the features that the rewriting handles. */
const GENERATED_MODULES = 40;

const COMPILED = [
  repositoryFile("examples/hello-c/hello-c.wasm"),
  repositoryFile("examples/hello-rust/hello-rust.wasm"),
  ...["command-c-p1", "command-p1", "command", "mixed-p3", "variables"].map(guestFile),
];

/** Writes the artifacts of the corpus to a folder; the same ones in every run. */
export async function writeCorpus(folder: string): Promise<void> {
  mkdirSync(folder);
  const write = (name: string, bytes: Uint8Array): void => writeFileSync(join(folder, `${name}.wasm`), bytes);
  for (const { name, guest } of findKinds([])) {
    if ("file" in guest) continue;
    write(`hostile-${name}`, "component" in guest ? await parse(guest.component) : await buildGuest(guest));
  }
  const odd = [
    ...Object.values(TWO_MEMORIES),
    ...Object.values(EMPTY_POLL),
    ENDLESS_WITHOUT_CHECKS,
    UNFINISHED_RESPONSE,
  ];
  for (const [index, text] of odd.entries()) write(`odd-${index}`, await parse(text));
  write("scripted", await buildScriptedGuest({ informational: [{ status: 103, headers: [["a", "b"]] }] }));
  const generated = fc.sample(arbitraryModule(), { seed: 1, numRuns: GENERATED_MODULES });
  for (const [index, bytes] of generated.entries()) write(`generated-${index}`, bytes);
  for (const [index, file] of COMPILED.entries()) copyFileSync(file, join(folder, `large-${index}.wasm`));
}
