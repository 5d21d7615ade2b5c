import fc from "fast-check";
import { MODULE_HEADER, SECTION } from "../../wasm-binary/sections.ts";
import { Writer } from "../../wasm-binary/writer.ts";
import { BodyGenerator, Dice, GLOBAL, VALUE_TYPE, type Kind } from "./generated-code.ts";

/** Arguments of one call of a generated function. */
type CallArguments = [number, bigint, number];

/** Calls of the functions of a generated module, by number. */
export type Calls = ReadonlyArray<{ target: number; values: CallArguments }>;

/** Returns generated modules: memory "memory", functions "f0" and on, globals "g0" and on, table "table" of some. */
export function arbitraryModule(): fc.Arbitrary<Uint8Array> {
  return fc
    .uint8Array({ minLength: 300, maxLength: 2000, size: "max" })
    .map((bytes) => generateModule(new Dice(bytes)));
}

/** Returns a few calls, with numbers at and around the edges. */
export function arbitraryCalls(): fc.Arbitrary<Calls> {
  const target = fc.nat(3);
  const values = fc.tuple(fc.integer(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer());
  return fc.array(fc.record({ target, values }), { minLength: 1, maxLength: 4 });
}

function generateModule(dice: Dice): Uint8Array {
  const signatures = Array.from({ length: 1 + dice.roll(4) }, () => dice.roll(3) as Kind);
  const indices = signatures.map((_, index) => index + 1);
  const exportsTable = dice.roll(2) === 1;
  const hasMaximum = dice.roll(2) === 1;
  const out = new Writer().raw(MODULE_HEADER);
  const section = (id: number, entries: ReadonlyArray<Uint8Array | readonly number[]>): void => {
    const payload = new Writer().unsigned(entries.length);
    for (const entry of entries) payload.raw(entry);
    out.byte(id).sized(payload.done());
  };
  section(SECTION.type, [
    [0x60, 1, 0x7f, 0],
    ...VALUE_TYPE.map((result) => [0x60, 3, 0x7f, 0x7e, 0x7c, 1, result]),
    [0x60, 1, 0x7f, 1, 0x7f],
  ]);
  section(SECTION.import, [new Writer().name("env").name("log").raw([0, 0]).done()]);
  section(
    SECTION.function,
    signatures.map((kind) => [kind + 1]),
  );
  section(SECTION.table, [[0x70, 1, 6, 10]]);
  section(SECTION.memory, [hasMaximum ? [1, 1, 2 + dice.roll(3)] : [0, 1]]);
  section(SECTION.global, [
    [0x7f, 1, 0x41, 3, 0x0b],
    [0x7e, 1, 0x42, 4, 0x0b],
    [0x7c, 1, 0x44, 0, 0, 0, 0, 0, 0, 0x14, 0x40, 0x0b],
    [0x7f, 1, 0x41, 0, 0x0b],
  ]);
  section(SECTION.export, [
    exported("memory", 2, 0),
    ...indices.map((index) => exported(`f${index - 1}`, 0, index)),
    ...[...GLOBAL.value, GLOBAL.fuel].map((index) => exported(`g${index}`, 3, index)),
    ...(exportsTable ? [exported("table", 1, 0)] : []),
  ]);
  section(SECTION.element, [
    [0, 0x41, 0, 0x0b, indices.length, ...indices],
    [1, 0, indices.length, ...indices],
  ]);
  out.byte(SECTION.dataCount).sized(Uint8Array.of(2));
  section(
    SECTION.code,
    signatures.map((kind) => new Writer().sized(new BodyGenerator(dice, signatures).body(kind)).done()),
  );
  section(SECTION.data, [
    [0, 0x41, 8, 0x0b, 4, 1, 2, 3, 4],
    [1, 16, ...Array.from({ length: 16 }, (_, index) => 0xf0 + index)],
  ]);
  return out.done();
}

function exported(name: string, kind: number, index: number): Uint8Array {
  return new Writer().name(name).byte(kind).unsigned(index).done();
}
