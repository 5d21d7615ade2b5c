import { readdir, readFile } from "node:fs/promises";
import type { Output } from "../crds/generate/outputs.ts";

/*
 * The manifests of examples/ that a cluster takes as they are carry their programs in a ConfigMap: one line a program,
 * `  <guest>.wasm: <base64>`, below `binaryData:`. `npm run generate` keeps those lines equal to the guests.
 */

const EMBEDDED = /^ {2}([a-z0-9-]+)\.wasm: *\S*$/gm;

/** Returns the manifests of examples/ with the programs in them as they are now. */
export async function buildExampleOutputs(root: URL): Promise<Output[]> {
  const names = (await readdir(new URL("examples/", root))).filter((name) => name.endsWith(".yaml")).sort();
  return await Promise.all(
    names.map(async (name) => {
      const path = `examples/${name}`;
      return { path, text: await embedGuests(root, await readFile(new URL(path, root), "utf8")) };
    }),
  );
}

async function embedGuests(root: URL, text: string): Promise<string> {
  const programs = new Map<string, string>();
  for (const [, guest = ""] of text.matchAll(EMBEDDED)) programs.set(guest, await readGuest(root, guest));
  return text.replace(EMBEDDED, (_, guest: string) => `  ${guest}.wasm: ${programs.get(guest) ?? ""}`);
}

async function readGuest(root: URL, guest: string): Promise<string> {
  const example = new URL(`examples/${guest}/${guest}.wasm`, root);
  const bytes = await readFile(example).catch(() => readFile(new URL(`test/guests/${guest}.wasm`, root)));
  return bytes.toString("base64");
}
