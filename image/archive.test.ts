import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { RUN_CONFIG } from "./archive.ts";
import { imageLabels } from "./build.ts";

/** Returns the stage of the Containerfile that begins with a line, without comments. */
async function stageOf(first: string): Promise<string> {
  const text = await readFile(new URL("../Containerfile", import.meta.url), "utf8");
  const [, rest = ""] = text.replaceAll(/^#.*\n/gm, "").split(`\n${first}\n`);
  return `\n${rest.split("\nFROM ", 1)[0]}`;
}

function labelLine(labels: readonly [string, string][]): string {
  return `\nLABEL ${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(" \\\n  ")}\n`;
}

test("Containerfile: runs the image as `npm run image` does", async () => {
  const stage = await stageOf("FROM scratch AS wasmlet");
  expect(stage).toContain(`\nENV ${RUN_CONFIG.Env.join(" ")}\n`);
  expect(stage).toContain(`\nUSER ${RUN_CONFIG.User}\n`);
  expect(stage).toContain(`\nWORKDIR ${RUN_CONFIG.WorkingDir}\n`);
  expect(stage).toContain(`\nENTRYPOINT ${JSON.stringify(RUN_CONFIG.Entrypoint).replaceAll(",", ", ")}\n`);
  expect(stage).toContain(labelLine(Object.entries(await imageLabels(false))));
});

test("Containerfile: the image with QEMU is the other one, a layer and what differs in the labels", async () => {
  const stage = await stageOf("FROM wasmlet AS startup-probe");
  const plain = await imageLabels(false);
  const changed = Object.entries(await imageLabels(true)).filter(([name, value]) => plain[name] !== value);
  expect(changed).toHaveLength(2);
  expect(stage.trim()).toBe(`COPY --from=build-qemu /out-qemu/qemu /${labelLine(changed).trimEnd()}`);
});
