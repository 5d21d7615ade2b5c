import { Writer } from "../../wasm-binary/writer.ts";

/*
 * Generated function bodies for property tests: valid by construction, and ending by construction. Loops count a local
 * down, and every function takes one from the global FUEL or returns at once, so that calls in a circle end too. No NaN
 * ever arises, whose bits may differ between two runs.
 */

/** Decisions out of bytes that fast-check made; zeros when they are used up, which is always the simplest choice. */
export class Dice {
  readonly #bytes: Uint8Array;
  #next = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** A number below `sides`, at most 256. */
  roll(sides: number): number {
    return (this.#bytes[this.#next++] ?? 0) % sides;
  }
}

/** The type of a value: also the index of locals and globals of that type, and of the functions that return it. */
export type Kind = 0 | 1 | 2;
const I32 = 0;
const I64 = 1;
const F64 = 2;

/** What every body may refer to. */
const TYPE = { log: 0, function: [1, 2, 3], loop: 4 } as const;
export const GLOBAL = { value: [0, 1, 2], fuel: 3 } as const;
const LOCAL = { value: [0, 1, 2], counter: [3, 4, 5] } as const;
export const VALUE_TYPE = [0x7f, 0x7e, 0x7c] as const;
const LOG_FUNCTION = 0;

/** The functions that exist, by what they return: indices behind the one import. */
export type Signatures = readonly Kind[];

const I32_BINARY = [0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x76, 0x77, 0x6e, 0x6f, 0x46, 0x48, 0x4b];
const I64_BINARY = [0x7c, 0x7d, 0x7e, 0x83, 0x84, 0x85, 0x86, 0x88, 0x89, 0x80];
const STORES = [
  [0x36, 0x3a, 0x3b],
  [0x37, 0x3c, 0x3d, 0x3e],
  [0x39, 0x39],
] as const;
const F64_BINARY = [0xa0, 0xa1, 0xa4, 0xa5];

/** Writes one function body, from its locals to its end. */
export class BodyGenerator {
  readonly #dice: Dice;
  readonly #signatures: Signatures;
  readonly #out = new Writer();
  #loops = 0;

  constructor(dice: Dice, signatures: Signatures) {
    this.#dice = dice;
    this.#signatures = signatures;
  }

  /** Returns the body of a function that returns `kind`. */
  body(kind: Kind): Uint8Array {
    this.#emit(1, 3, VALUE_TYPE[I32]);
    // if FUEL is 0: return 0; FUEL -= 1
    this.#emit(0x23, GLOBAL.fuel, 0x45, 0x04, 0x40);
    this.#zero(kind);
    this.#emit(0x0f, 0x0b, 0x23, GLOBAL.fuel, 0x41, 1, 0x6b, 0x24, GLOBAL.fuel);
    this.#statements(4);
    this.#value(kind, 3);
    this.#emit(0x0b);
    return this.#out.done();
  }

  #emit(...bytes: number[]): void {
    this.#out.raw(bytes);
  }

  #zero(kind: Kind): void {
    if (kind === F64) this.#emit(0x44, 0, 0, 0, 0, 0, 0, 0, 0);
    else this.#emit(kind === I32 ? 0x41 : 0x42, 0);
  }

  #kind(): Kind {
    return this.#dice.roll(3) as Kind;
  }

  #statements(depth: number): void {
    for (let count = this.#dice.roll(4); count > 0; count--) this.#statement(depth);
  }

  #statement(depth: number): void {
    const kind = this.#kind();
    switch (depth > 0 ? this.#dice.roll(15) : 0) {
      case 0:
        this.#value(kind, depth);
        return this.#emit(0x21, LOCAL.value[kind]);
      case 1:
        this.#value(kind, depth);
        return this.#emit(0x24, GLOBAL.value[kind]);
      case 2:
        return this.#store(kind, depth);
      case 3:
        this.#condition(depth);
        this.#emit(0x04, 0x40);
        this.#statements(depth - 1);
        this.#emit(0x05);
        this.#statements(depth - 1);
        return this.#emit(0x0b);
      case 4:
        return this.#loop(depth);
      case 5:
        return this.#switch(depth);
      case 6:
        this.#value(I32, depth);
        return this.#emit(0x10, LOG_FUNCTION);
      case 7:
      case 8:
        return this.#bulkMemory();
      case 9:
      case 10:
        return this.#tableOperation();
      case 11:
        this.#emit(0x02, 0x40);
        this.#statements(depth - 1);
        this.#condition(depth);
        this.#emit(0x0d, 0);
        this.#statements(depth - 1);
        return this.#emit(0x0b);
      case 12: // data.drop and elem.drop of the passive segments, seldom
        return this.#dice.roll(8) === 7 ? this.#emit(0xfc, 9 + 4 * this.#dice.roll(2), 1) : this.#emit(0x01);
      case 13:
        return this.#record(depth);
      default: // unreachable, seldom
        this.#condition(depth);
        this.#emit(0x41, 7, 0x71, 0x41, 6, 0x46, 0x04, 0x40);
        return this.#emit(0x00, 0x0b);
    }
  }

  #store(kind: Kind, depth: number): void {
    this.#address();
    this.#value(kind, depth);
    const opcodes = STORES[kind];
    this.#emit(opcodes[this.#dice.roll(opcodes.length)]!, 0, this.#dice.roll(100));
  }

  /** Several stores to one address, as a compiler writes a record; some on one way only, or with the address changed. */
  #record(depth: number): void {
    const setAddress = (): void => {
      this.#address();
      this.#emit(0x21, LOCAL.value[I32]);
    };
    setAddress();
    for (let count = 1 + this.#dice.roll(6); count > 0; count--) {
      const isConditional = this.#dice.roll(3) === 2;
      if (isConditional) {
        this.#condition(2);
        this.#emit(0x04, 0x40);
      }
      const then = this.#dice.roll(5);
      if (then === 4) setAddress();
      this.#field();
      if (isConditional) this.#emit(0x0b);
      if (then === 3) this.#statements(depth - 1);
    }
  }

  /** A store to the address in a local, behind it by up to 8 KiB. */
  #field(): void {
    const offset = [...new Writer().unsigned(this.#dice.roll(256) * 2 ** this.#dice.roll(6)).done()];
    this.#emit(0x20, LOCAL.value[I32]);
    switch (this.#dice.roll(4)) {
      case 0: // i64x2.splat; v128.store or v128.store32_lane
        this.#emit(0x20, LOCAL.value[I64], 0xfd, 0x12);
        if (this.#dice.roll(2) === 0) return this.#emit(0xfd, 0x0b, 0, ...offset);
        return this.#emit(0xfd, 0x5a, 0, ...offset, 2);
      case 1:
        return this.#emit(0x20, LOCAL.value[F64], 0x39, 0, ...offset);
      default:
        this.#value(I32, 1);
        return this.#emit(STORES[I32][this.#dice.roll(3)]!, 0, ...offset);
    }
  }

  /** A loop that runs up to seven times; some have a value on the stack at their head. */
  #loop(depth: number): void {
    const counter = LOCAL.counter[this.#loops];
    if (counter === undefined) return this.#emit(0x01);
    this.#loops++;
    this.#emit(0x41, 1 + this.#dice.roll(7), 0x21, counter);
    const withValue = this.#dice.roll(2) === 1;
    if (withValue) this.#emit(0x41, 5);
    else this.#emit(0x02, 0x40);
    this.#emit(0x03, withValue ? TYPE.loop : 0x40);
    this.#statements(depth - 1);
    if (!withValue) {
      // Out of the loop, by one kind of branch or the other.
      const byTable = this.#dice.roll(2) === 1;
      if (byTable) this.#emit(0x02, 0x40);
      this.#condition(0);
      if (byTable) this.#emit(0x0e, 3, 0, 2, 0, 0, 0x0b);
      else this.#emit(0x0d, 1);
    }
    if (withValue) this.#emit(0x20, LOCAL.value[I32], 0x6a);
    this.#emit(0x20, counter, 0x41, 1, 0x6b, 0x22, counter, 0x0d, 0, 0x0b);
    if (withValue) this.#emit(0x21, LOCAL.value[I32]);
    else this.#emit(0x0b);
    this.#loops--;
  }

  /** Three nested blocks and a br_table out of the innermost. */
  #switch(depth: number): void {
    this.#emit(0x02, 0x40, 0x02, 0x40, 0x02, 0x40);
    this.#condition(depth);
    this.#emit(0x0e, 2, 0, 1, 2, 0x0b);
    this.#statements(depth - 1);
    this.#emit(0x0b);
    this.#statements(depth - 1);
    this.#emit(0x0b);
  }

  #bulkMemory(): void {
    const operation = this.#dice.roll(3);
    // memory.init reads a short segment; the others reach past the end now and then.
    this.#address();
    if (operation === 0) this.#emit(0x41, this.#dice.roll(16), 0x41, this.#dice.roll(16), 0xfc, 0x08, 1, 0);
    else {
      if (operation === 1) this.#address();
      else this.#emit(0x41, 0x2a);
      if (this.#dice.roll(2) === 0) this.#emit(0x41, 0x80 | this.#dice.roll(128), this.#dice.roll(64));
      else this.#address();
      if (operation === 1) this.#emit(0xfc, 0x0a, 0, 0);
      else this.#emit(0xfc, 0x0b, 0);
    }
  }

  #tableOperation(): void {
    const small = (): void => this.#emit(0x41, this.#dice.roll(8));
    switch (this.#dice.roll(6)) {
      case 0: // table.set with a function or null
        small();
        this.#reference();
        return this.#emit(0x26, 0);
      case 1: // table.grow
        this.#reference();
        this.#emit(0x41, this.#dice.roll(3));
        return this.#emit(0xfc, 0x0f, 0, 0x21, LOCAL.value[I32]);
      case 2: // table.fill
        small();
        this.#reference();
        small();
        return this.#emit(0xfc, 0x11, 0);
      case 3: // table.copy
        small();
        small();
        small();
        return this.#emit(0xfc, 0x0e, 0, 0);
      case 4: // table.init
        small();
        this.#emit(0x41, this.#dice.roll(3), 0x41, this.#dice.roll(3));
        return this.#emit(0xfc, 0x0c, 1, 0);
      default: // table.get; ref.is_null
        small();
        return this.#emit(0x25, 0, 0xd1, 0x21, LOCAL.value[I32]);
    }
  }

  #reference(): void {
    if (this.#dice.roll(3) === 0) this.#emit(0xd0, 0x70);
    else this.#emit(0xd2, 1 + this.#dice.roll(this.#signatures.length));
  }

  #condition(depth: number): void {
    this.#value(I32, depth > 2 ? 2 : depth);
  }

  /** An address within the first page, or, seldom, anywhere. */
  #address(): void {
    this.#value(I32, 1);
    if (this.#dice.roll(12) !== 11) this.#emit(0x41, 0xff, 0xff, 0x03, 0x71);
  }

  #value(kind: Kind, depth: number): void {
    switch (depth > 0 ? this.#dice.roll(11) : this.#dice.roll(3)) {
      case 0:
        return this.#emit(0x20, LOCAL.value[kind]);
      case 1:
        return this.#constant(kind);
      case 2:
        return this.#emit(0x23, GLOBAL.value[kind]);
      case 3:
      case 4:
        return this.#binary(kind, depth - 1);
      case 5:
        return this.#convert(kind, depth - 1);
      case 6:
        return this.#call(kind, depth - 1);
      case 7:
        return this.#callIndirect(kind, depth - 1);
      case 8:
        return this.#sizeOrLoad(kind);
      case 9:
        this.#condition(depth - 1);
        this.#emit(0x04, VALUE_TYPE[kind]);
        this.#value(kind, depth - 1);
        this.#emit(0x05);
        this.#value(kind, depth - 1);
        return this.#emit(0x0b);
      default:
        this.#value(kind, depth - 1);
        this.#value(kind, depth - 1);
        this.#condition(depth - 1);
        return this.#emit(0x1b);
    }
  }

  #constant(kind: Kind): void {
    if (kind === F64) return this.#emit(0x44, 0, 0, 0, 0, 0, this.#dice.roll(256), 0x40 + this.#dice.roll(3), 0x40);
    this.#emit(kind === I32 ? 0x41 : 0x42, 0x80 | this.#dice.roll(128), 0x80 | this.#dice.roll(128));
    this.#emit(this.#dice.roll(128));
  }

  #binary(kind: Kind, depth: number): void {
    this.#value(kind, depth);
    this.#value(kind, depth);
    const opcodes = [I32_BINARY, I64_BINARY, F64_BINARY][kind]!;
    this.#emit(opcodes[this.#dice.roll(opcodes.length)]!);
  }

  #convert(kind: Kind, depth: number): void {
    if (kind === F64) {
      this.#value(I32, depth);
      return this.#emit(0xb7);
    }
    this.#value(kind === I32 ? I64 : I32, depth);
    this.#emit(kind === I32 ? 0xa7 : 0xac);
  }

  /** Functions that return `kind`, by their place in the table. */
  #returning(kind: Kind): number[] {
    return this.#signatures.flatMap((returned, index) => (returned === kind ? [index] : []));
  }

  /** Mostly through a slot that held a fitting function at first. */
  #callIndirect(kind: Kind, depth: number): void {
    const candidates = this.#returning(kind);
    this.#arguments(depth);
    const fits = candidates.length > 0 && this.#dice.roll(8) > 0;
    this.#emit(0x41, fits ? candidates[this.#dice.roll(candidates.length)]! : this.#dice.roll(8));
    this.#emit(0x11, TYPE.function[kind], 0);
  }

  #call(kind: Kind, depth: number): void {
    const candidates = this.#returning(kind);
    if (candidates.length === 0) return this.#constant(kind);
    this.#arguments(depth);
    this.#emit(0x10, 1 + candidates[this.#dice.roll(candidates.length)]!);
  }

  #arguments(depth: number): void {
    for (const kind of [I32, I64, F64] as const) this.#value(kind, depth > 1 ? 1 : depth);
  }

  /** memory.size, memory.grow, table.size or a load: of integers only, whose bits are never a NaN. */
  #sizeOrLoad(kind: Kind): void {
    if (kind === F64) return this.#constant(kind);
    const choice = this.#dice.roll(4);
    if (choice === 0) this.#emit(0x3f, 0);
    else if (choice === 1) this.#emit(0x41, this.#dice.roll(3), 0x40, 0);
    else if (choice === 2) this.#emit(0xfc, 0x10, 0);
    else {
      this.#address();
      return this.#emit(kind === I32 ? 0x28 : 0x29, 0, this.#dice.roll(100));
    }
    if (kind === I64) this.#emit(0xac);
  }
}
