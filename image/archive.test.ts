import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { RUN_CONFIG } from "./archive.ts";
import { imageLabels } from "./build.ts";

test("Containerfile: runs the image as `npm run image` does", async () => {
  const text = await readFile(new URL("../Containerfile", import.meta.url), "utf8");
  const [, final = ""] = text.split("\nFROM scratch\n");
  expect(final).toContain(`\nENV ${RUN_CONFIG.Env.join(" ")}\n`);
  expect(final).toContain(`\nUSER ${RUN_CONFIG.User}\n`);
  expect(final).toContain(`\nWORKDIR ${RUN_CONFIG.WorkingDir}\n`);
  expect(final).toContain(`\nENTRYPOINT ${JSON.stringify(RUN_CONFIG.Entrypoint).replaceAll(",", ", ")}\n`);
  const labels = Object.entries(await imageLabels()).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  expect(final).toContain(`\nLABEL ${labels.join(" \\\n  ")}\n`);
});
