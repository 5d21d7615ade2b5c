import { expect, test } from "vitest";
import { createVariableImports } from "./imports.ts";

type Get = (name: string) => string | undefined;

const imports = createVariableImports({
  component: "web",
  values: new Map([["key", "value"]]),
  nameProblem: (name) => (name === "Bad" ? "is bad" : undefined),
}) as { "fermyon:spin/variables": { get: Get }; "wasi:config/store": { get: Get; getAll: () => [string, string][] } };

/** What a guest is told of an error. */
function payload(tag: string, val: string): Error {
  return expect.objectContaining({ payload: { tag, val } }) as Error;
}

test("variables: Spin's interface tells a missing one from a name that is none", () => {
  const { get } = imports["fermyon:spin/variables"];
  expect(get("key")).toBe("value");
  expect(() => get("other")).toThrow(payload("undefined", 'no variable for "web"."other"'));
  expect(() => get("Bad")).toThrow(payload("invalid-name", '"Bad": is bad'));
});

test("variables: to wasi:config a name that is none is not there", () => {
  const { get, getAll } = imports["wasi:config/store"];
  expect([get("key"), get("other"), get("Bad"), getAll()]).toEqual(["value", undefined, undefined, [["key", "value"]]]);
});
