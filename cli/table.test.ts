import { expect, test } from "vitest";
import { formatTable } from "./table.ts";

test("table: columns align three spaces apart, what is empty is a dash, nothing trails", () => {
  const table = formatTable(
    ["NAME", "STATE", "URL"],
    [
      ["hello-rust", "Ready", "http://127.0.0.1:8080"],
      ["tour", "Completed", ""],
    ],
  );
  expect(table).toBe(
    [
      "NAME         STATE       URL",
      "hello-rust   Ready       http://127.0.0.1:8080",
      "tour         Completed   -",
      "",
    ].join("\n"),
  );
});

test("table: a cell with a line break stays one line", () => {
  expect(formatTable(["MESSAGE"], [["one\ntwo"]])).toBe("MESSAGE\none\uFFFDtwo\n");
});
