import { Reader } from "../../node-runtime/wasm-binary/reader.ts";
import { Writer } from "../../node-runtime/wasm-binary/writer.ts";
import { binariesIn, copyOf, isComponent, writeBinary, type Binary, type Section } from "./binary.ts";
import type { Random } from "./random.ts";

/*
 * Damage that keeps the rest well formed: bytes flipped anywhere are nearly always refused by the first reader that looks,
 * and what lies behind it is never tried.
 */

const MAX_MUTATIONS = 3;
const CANON_SECTION = 8;
/** Numbers at the edges of what counts, sizes and indices may be. */
const NUMBERS = [
  0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 65, 127, 128, 255, 256, 1000, 16_383, 16_384, 65_535, 65_536, 65_537,
];
const LARGE_NUMBERS = [2 ** 21, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 35 - 1];
/** Types of core modules and of components, as one byte. */
const TYPE_BYTES = [
  0x40, 0x41, 0x42, 0x43, 0x50, 0x5e, 0x5f, 0x60, 0x63, 0x64, 0x65, 0x66, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
  0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f,
];
/** Kinds and options of canonical definitions: lift, lower, resources, UTF-8 and UTF-16, memory, realloc, async. */
const CANON_BYTES = Array.from({ length: 0x28 }, (_, value) => value);
const SHORTEST_NAME = 3;
const LONG_NAME = 70_000;

/** Binaries that parts are taken from, and names that artifacts have. */
export interface Stock {
  binaries: readonly Binary[];
  names: readonly Uint8Array[];
}

type SectionMutation = (binary: Binary, index: number, random: Random, stock: Stock) => void;
type PayloadMutation = (payload: Uint8Array, random: Random, stock: Stock, section: Section) => Uint8Array;

/** Returns the bytes of a binary with one to three pieces of damage. */
export function mutateSections(original: Binary, random: Random, stock: Stock): Uint8Array {
  const binary = copyOf(original);
  for (let count = 1 + random.below(MAX_MUTATIONS); count > 0; count--) {
    const place = random.pick(binariesIn(binary).filter(({ sections }) => sections.length > 0));
    if (place === undefined) continue; // all of it was removed
    const index = random.below(place.sections.length);
    const section = place.sections[index]!;
    if (random.below(4) === 0 || !(section.payload instanceof Uint8Array) || section.payload.length === 0) {
      random.pick(SECTION_MUTATIONS)(place, index, random, stock);
    } else section.payload = random.pick(PAYLOAD_MUTATIONS)(section.payload, random, stock, section);
  }
  return writeBinary(binary);
}

const SECTION_MUTATIONS: readonly SectionMutation[] = [
  ({ sections }, index) => void sections.splice(index, 1),
  ({ sections }, index, random) => void sections.splice(random.below(sections.length + 1), 0, sections[index]!),
  ({ sections }, index, random) => {
    const [section] = sections.splice(index, 1);
    sections.splice(random.below(sections.length + 1), 0, section!);
  },
  ({ sections }, index, random) => void (sections[index] = { ...sections[index]!, id: random.below(16) }),
  ({ sections }, index, random) => {
    const claimedSize = random.pick([...NUMBERS, ...LARGE_NUMBERS]);
    sections[index] = { ...sections[index]!, claimedSize };
  },
  (binary, index, random, { binaries }) => {
    const donors = binaries.filter((other) => isComponent(other) === isComponent(binary));
    const donor = random.pick(donors)?.sections ?? [];
    if (donor.length > 0) binary.sections.splice(index, random.below(2), random.pick(donor));
  },
];

const PAYLOAD_MUTATIONS: readonly PayloadMutation[] = [
  replaceNumber,
  replaceNumber,
  changeNumber,
  changeNumber,
  (payload, random) => withByte(payload, random.below(payload.length), random.pick(TYPE_BYTES)),
  (payload, random, _stock, { id }) =>
    withByte(payload, random.below(payload.length), random.pick(id === CANON_SECTION ? CANON_BYTES : TYPE_BYTES)),
  replaceName,
  replaceName,
  (payload, random) => withByte(payload, random.below(payload.length), random.below(256)),
  (payload, random) => payload.subarray(0, random.below(payload.length)),
  (payload, random) => spliced(payload, random.below(payload.length), 1 + random.below(4), new Uint8Array()),
  (payload, random) => {
    const from = random.below(payload.length);
    return spliced(payload, from, 0, payload.subarray(from, from + 1 + random.below(32)));
  },
];

/** Puts another number where a LEB128 may stand: its shortest form, or one that is too long. */
function replaceNumber(payload: Uint8Array, random: Random): Uint8Array {
  const at = numberAt(payload, random);
  const value = random.pick(random.below(4) === 0 ? LARGE_NUMBERS : NUMBERS);
  const bytes = [...new Writer().unsigned(value).done()];
  if (random.below(8) === 0) {
    bytes[bytes.length - 1]! |= 0x80;
    bytes.push(...Array.from({ length: random.below(12) }, () => 0x80), 0);
  }
  return spliced(payload, at, lengthOfNumber(payload, at), Uint8Array.from(bytes));
}

/** Makes a number a little larger or smaller: an index that points to a neighbour, a count that is off by one. */
function changeNumber(payload: Uint8Array, random: Random): Uint8Array {
  const at = numberAt(payload, random);
  const value = payload[at]! & 0x7f;
  return withByte(payload, at, ((value + random.pick([-2, -1, 1, 2])) & 0x7f) | (payload[at]! & 0x80));
}

/** The first number, which is a count, or any. */
function numberAt(payload: Uint8Array, random: Random): number {
  return random.below(4) === 0 ? 0 : random.below(payload.length);
}

function lengthOfNumber(payload: Uint8Array, at: number): number {
  let end = at;
  while (end < payload.length && payload[end]! >= 0x80) end++;
  return end - at + 1;
}

/** Puts another artifact's name in the place of one, or one that is no UTF-8, empty or very long. */
function replaceName(payload: Uint8Array, random: Random, { names }: Stock): Uint8Array {
  const found = namesIn(payload);
  if (found.length === 0) return replaceNumber(payload, random);
  const { at, bytes } = random.pick(found);
  const name = random.below(2) === 0 ? random.pick(names) : damagedName(bytes, random);
  const length = new Writer().unsigned(name.length).done();
  return spliced(payload, at, 1 + bytes.length, Buffer.concat([length, name]));
}

function damagedName(name: Uint8Array, random: Random): Uint8Array {
  switch (random.below(6)) {
    case 0:
      return new Uint8Array();
    case 1:
      return new Uint8Array(random.below(8) === 0 ? LONG_NAME : 300).fill(0x61);
    case 2:
      return withByte(name, random.below(name.length), 0x80 + random.below(0x80));
    case 3:
      return withByte(name, random.below(name.length), random.below(0x20));
    case 4:
      return Buffer.concat([name, name]);
    default:
      return withByte(name, random.below(name.length), 0x20 + random.below(0x5f));
  }
}

/** Returns what looks like names in a payload: a length of one byte and as many printable characters. */
export function namesIn(payload: Uint8Array): { at: number; bytes: Uint8Array }[] {
  const reader = new Reader(payload);
  const found: { at: number; bytes: Uint8Array }[] = [];
  while (!reader.atEnd) {
    const at = reader.position;
    const length = reader.byte();
    const bytes = payload.subarray(at + 1, at + 1 + length);
    if (length < SHORTEST_NAME || length > 127 || bytes.length < length) continue;
    if (!bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) continue;
    found.push({ at, bytes });
    reader.skip(length);
  }
  return found;
}

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = value;
  return copy;
}

function spliced(bytes: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
}
