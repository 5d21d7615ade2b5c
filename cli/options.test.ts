import { InvalidArgumentError } from "commander";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { collect, readDuration, readMemory, readPort, readPreopen, readVariable } from "./options.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, "");

test("options: a port is a number from 0 to 65535", () => {
  expect(["0", "80", "65535"].map(readPort)).toEqual([0, 80, 65_535]);
  for (const text of ["", "-1", "65536", "8e3", "0x50", "80 "])
    expect(() => readPort(text)).toThrow(InvalidArgumentError);
});

test("options: a duration is read as Go writes it", () => {
  expect(["0", "500ms", "30s", "1m30s"].map(readDuration)).toEqual([0, 500, 30_000, 90_000]);
  for (const text of ["", "30", "s", "-1s"]) expect(() => readDuration(text)).toThrow(InvalidArgumentError);
});

test("options: memory is read as Kubernetes writes it, and is more than nothing", () => {
  expect(["64Mi", "1Gi", "1000"].map(readMemory)).toEqual([2 ** 26, 2 ** 30, 1000]);
  for (const text of ["", "0", "64MB", "lots"]) expect(() => readMemory(text)).toThrow(InvalidArgumentError);
});

function inherited(name: string): string | undefined {
  return name === "LANG" ? "C" : undefined;
}

test("options: a variable is given, or passed on", () => {
  expect(readVariable("A=b=c", inherited)).toEqual(["A", "b=c"]);
  expect(readVariable("A=", inherited)).toEqual(["A", ""]);
  expect(readVariable("LANG", inherited)).toEqual(["LANG", "C"]);
  expect(() => readVariable("NOPE", inherited)).toThrow("The variable NOPE is not set here");
  expect(() => readVariable("=x", inherited)).toThrow(InvalidArgumentError);
});

test("options: a folder keeps its name unless it gets another", () => {
  expect(readPreopen(HERE)).toEqual({ hostPath: HERE, guestPath: HERE, writable: true });
  expect(readPreopen(`${HERE}/::/data`)).toEqual({ hostPath: HERE, guestPath: "/data", writable: true });
});

test.each(["", "::/data", `${HERE}::`, `${HERE}::/a::/b`, `${HERE}/none`, fileURLToPath(import.meta.url)])(
  "options: %j is no folder to give",
  (text) => {
    expect(() => readPreopen(text)).toThrow(InvalidArgumentError);
  },
);

test("options: a repeated option collects its values in order", () => {
  const read = collect(Number);
  expect(read("2", read("1"))).toEqual([1, 2]);
});
