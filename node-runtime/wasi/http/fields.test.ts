import fc from "fast-check";
import { expect, test } from "vitest";
import { WasiError } from "../errors.ts";
import type { FieldEntry } from "./field-rules.ts";
import { Fields } from "./fields.ts";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
const text = (value: Uint8Array): string => Buffer.from(value).toString("latin1");
const linesOf = (fields: Fields): string[] => fields.entries().map(([name, value]) => `${name}: ${text(value)}`);

/** The tag of the header-error that `act` throws, or "none". */
function errorOf(act: () => void): string {
  try {
    act();
    return "none";
  } catch (error) {
    if (error instanceof WasiError) return (error.payload as { tag: string }).tag;
    throw error;
  }
}

test("fields: names compare without case and keep their casing and order", () => {
  const fields = Fields.fromList([
    ["Set-Cookie", bytes("a=1")],
    ["X-One", bytes("1")],
    ["set-cookie", bytes("b=2")],
  ]);
  expect(fields.get("SET-COOKIE").map(text)).toEqual(["a=1", "b=2"]);
  expect(fields.has("x-ONE")).toBe(true);
  expect(fields.has("x-two")).toBe(false);
  expect(fields.get("x-two")).toEqual([]);
  expect(linesOf(fields)).toEqual(["Set-Cookie: a=1", "X-One: 1", "set-cookie: b=2"]);
});

test("fields: set replaces every value, delete removes them", () => {
  const fields = Fields.fromList([
    ["a", bytes("1")],
    ["b", bytes("2")],
    ["A", bytes("3")],
  ]);
  fields.set("A", [bytes("x"), bytes("y")]);
  expect(linesOf(fields)).toEqual(["b: 2", "A: x", "A: y"]);
  fields.delete("B");
  fields.delete("nothing");
  fields.set("a", []);
  expect(linesOf(fields)).toEqual([]);
});

test.each(["", "a b", "a:b", "a\r\nb", "ä", "a\u0000", "(a)"])("fields: %j is no name", (name) => {
  const fields = new Fields();
  expect(errorOf(() => fields.append(name, bytes("1")))).toBe("invalid-syntax");
  expect(errorOf(() => fields.set(name, []))).toBe("invalid-syntax");
  expect(errorOf(() => fields.delete(name))).toBe("invalid-syntax");
  expect(errorOf(() => void Fields.fromList([[name, bytes("1")]]))).toBe("invalid-syntax");
});

test.each(["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "\u007f"])("fields: %j is no value", (value) => {
  expect(errorOf(() => new Fields().append("a", bytes(value)))).toBe("invalid-syntax");
  expect(errorOf(() => new Fields().set("a", [bytes("fine"), bytes(value)]))).toBe("invalid-syntax");
});

test("fields: a value may be any text, with tabs and bytes beyond ASCII", () => {
  const fields = Fields.fromList([["a", bytes("\tx ~ \u00ff")]]);
  expect(fields.get("a").map(text)).toEqual(["\tx ~ \u00ff"]);
});

test.each([
  "Connection",
  "keep-alive",
  "Proxy-Authenticate",
  "proxy-authorization",
  "proxy-connection",
  "TRANSFER-ENCODING",
  "upgrade",
  "Host",
  "HTTP2-Settings",
])("fields: %s is forbidden, and not shown when received", (name) => {
  expect(errorOf(() => new Fields().append(name, bytes("1")))).toBe("forbidden");
  expect(errorOf(() => new Fields().delete(name))).toBe("forbidden");
  expect(
    linesOf(
      Fields.received([
        [name, bytes("1")],
        ["te", bytes("trailers")],
      ]),
    ),
  ).toEqual(["te: trailers"]);
});

test("fields: received and frozen ones are immutable, a clone is not", () => {
  const fields = Fields.received([["a", bytes("1")]]);
  for (const change of [
    () => fields.append("b", bytes("2")),
    () => fields.set("a", [bytes("2")]),
    () => fields.delete("a"),
  ]) {
    expect(errorOf(change)).toBe("immutable");
  }
  const copy = fields.clone();
  copy.append("b", bytes("2"));
  expect(linesOf(copy)).toEqual(["a: 1", "b: 2"]);
  expect(linesOf(fields)).toEqual(["a: 1"]);
});

test("fields: a value is copied, because the guest's memory goes on changing", () => {
  const value = bytes("safe");
  const fields = new Fields();
  fields.append("a", value);
  fields.set("b", [value]);
  value.fill(0x0a);
  expect(linesOf(fields)).toEqual(["a: safe", "b: safe"]);
});

test("fields: their number and size are bounded by a trap", () => {
  const many = new Fields();
  for (let index = 0; index < 1024; index++) many.append("a", bytes(""));
  expect(() => many.append("a", bytes(""))).toThrow(/more than 1024 entries/);
  const large = new Fields();
  large.append("a", new Uint8Array(128 * 1024 - 33).fill(0x61));
  expect(() => large.append("b", bytes(""))).toThrow(/131072 bytes/);
  expect(() => large.set("b", [bytes("1")])).toThrow(/131072 bytes/);
  large.set("a", [bytes("small")]);
  large.append("b", bytes("1"));
  expect(linesOf(large)).toEqual(["a: small", "b: 1"]);
});

const entry = fc.tuple(
  fc.stringMatching(/^[xX]-[a-zA-Z0-9]{1,3}$/),
  fc.stringMatching(/^[\x20-\x7e\t]{0,8}$/).map(bytes),
);

test("fields: what fromList takes, entries gives back", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
      expect(Fields.fromList(entries).entries()).toEqual(entries);
    }),
  );
});

test("fields: any sequence of changes agrees with a plain list", () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), entry }),
    fc.record({ kind: fc.constant("set" as const), entry }),
    fc.record({ kind: fc.constant("delete" as const), entry }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const fields = new Fields();
      let model: FieldEntry[] = [];
      for (const { kind, entry } of changes) {
        const [name, value] = entry;
        if (kind !== "append") model = model.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
        if (kind !== "delete") model.push([name, value]);
        if (kind === "append") fields.append(name, value);
        else if (kind === "set") fields.set(name, [value]);
        else fields.delete(name);
      }
      expect(fields.entries()).toEqual(model);
    }),
  );
});

test("contract: whatever a guest puts in fields, no line break reaches the wire", () => {
  const anything = fc.oneof(
    fc.uint8Array(),
    fc.string({ unit: "binary" }).map((value) => new Uint8Array(Buffer.from(value))),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), anything, (name, value) => {
      const fields = new Fields();
      errorOf(() => fields.append(name, value));
      for (const line of linesOf(fields)) expect(line).not.toMatch(/[\r\n\0]/);
    }),
    { numRuns: 2000 },
  );
});
