import { expect, test } from "vitest";
import { readOptions, SCENARIO_NAMES } from "./options.ts";

test("options: the default is a full run, printed for people, that writes no file", () => {
  expect(readOptions([])).toMatchObject({ help: false, output: "text", quick: false, writeDocs: false });
});

test("options: --quick measures less of everything", () => {
  const [quick, full] = [readOptions(["--quick"]).effort, readOptions([]).effort];
  for (const key of Object.keys(full) as (keyof typeof full)[]) expect(quick[key]).toBeLessThan(full[key]);
});

test("options: -o json and --write-docs are read", () => {
  expect(readOptions(["-o", "json", "--write-docs"])).toMatchObject({ output: "json", writeDocs: true });
});

test.each([[["--quik"]], [["-o", "yaml"]], [["more"]]])("options: %j is a usage error", (args) => {
  expect(() => readOptions(args)).toThrow(expect.objectContaining({ code: "CLI_USAGE" }));
});

test("options: names pick scenarios, in their order; without one all are measured", () => {
  expect(readOptions(["cold", "http-warm"]).scenarios).toEqual(["cold", "http-warm"]);
  expect(readOptions([]).scenarios).toEqual(SCENARIO_NAMES);
});
