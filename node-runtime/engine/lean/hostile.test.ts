import { expect, test } from "vitest";
import { WasiError } from "../../wasi/errors.ts";
import { AbiTrap } from "./abi-trap.ts";
import { instanceOver, leanProgram, testComponentWat, type TestComponent } from "./test-component.ts";

/*
 * Guests that break the canonical ABI. Each traps with a message of ours, is dead from there on, and leaves the program
 * and its next instance as they were.
 */

class Thing {
  static disposed = 0;
  [Symbol.dispose](): void {
    Thing.disposed++;
  }
}

const HOST = {
  Thing,
  takeString: (): void => {},
  takeBytes: (): void => {},
  takeNumbers: (): void => {},
  takeStrings: (): void => {},
  takeVariant: (): void => {},
  takeChar: (): void => {},
  takeChars: (): void => {},
  takeThing: (): void => {},
  useThing: (): void => {},
  moveAndUse: (): void => {},
  makeThing: (): Thing => new Thing(),
  giveString: (): string => "from the host",
  giveNumbers: (): Uint32Array => Uint32Array.of(1, 2, 3),
  fail: (): never => {
    throw new WasiError(undefined);
  },
};

const OPTIONS = "(memory $mem) (realloc $realloc)";

/** A function of the host as a component imports it. */
function lowered(name: string, signature: string): { name: string; signature: string; canon: string } {
  return { name, signature, canon: `(canon lower (func $api "${name}") ${OPTIONS})` };
}

const DROP = { name: "drop", signature: "(param i32)", canon: "(canon resource.drop $thing)" };

function withFunction(type: string, name: string, signature: string, body: string): TestComponent {
  return {
    declares: `(export "${name}" (func ${type}))`,
    imports: [lowered(name, signature)],
    code: `(func (export "run") ${body})`,
  };
}

const STRING = (body: string): TestComponent =>
  withFunction('(param "s" string)', "take-string", "(param i32 i32)", `${body} call $take-string`);

const THINGS = `
  (export "make-thing" (func (result (own $thing))))
  (export "take-thing" (func (param "t" (own $thing))))
  (export "use-thing" (func (param "t" (borrow $thing))))
  (export "move-and-use" (func (param "used" (borrow $thing)) (param "moved" (own $thing))))`;

const withThings = (body: string): TestComponent => ({
  declares: THINGS,
  imports: [
    lowered("make-thing", "(result i32)"),
    lowered("take-thing", "(param i32)"),
    lowered("use-thing", "(param i32)"),
    lowered("move-and-use", "(param i32 i32)"),
    DROP,
  ],
  code: `(func (export "run") (local $t i32) (local.set $t (call $make-thing)) ${body})`,
});

const GIVE_STRING = (realloc: string): TestComponent => ({
  ...withFunction("(result string)", "give-string", "(param i32)", "i32.const 16 call $give-string"),
  realloc,
});

const CASES: [what: string, component: TestComponent, message: RegExp][] = [
  ["a string past the end of memory", STRING("i32.const 65530 i32.const 10"), /outside of the memory/],
  ["a string whose end overflows 32 bits", STRING("i32.const 8 i32.const -4"), /outside of the memory/],
  ["a string at a negative pointer", STRING("i32.const -8 i32.const 4"), /outside of the memory/],
  [
    "a string that is not UTF-8",
    STRING("(i32.store (i32.const 0) (i32.const 0x80c3ff61)) i32.const 0 i32.const 4"),
    /not valid UTF-8/,
  ],
  [
    "a surrogate half in UTF-8",
    STRING("(i32.store (i32.const 0) (i32.const 0x0080a0ed)) i32.const 0 i32.const 3"),
    /not valid UTF-8/,
  ],
  [
    "a misaligned list",
    withFunction(
      '(param "l" (list u32))',
      "take-numbers",
      "(param i32 i32)",
      "i32.const 2 i32.const 1 call $take-numbers",
    ),
    /not aligned to 4 bytes/,
  ],
  [
    "a list whose size overflows 32 bits",
    withFunction(
      '(param "l" (list u32))',
      "take-numbers",
      "(param i32 i32)",
      "i32.const 0 i32.const 0x40000001 call $take-numbers",
    ),
    /outside of the memory/,
  ],
  [
    "a list of bytes past the end of memory",
    withFunction(
      '(param "l" (list u8))',
      "take-bytes",
      "(param i32 i32)",
      "i32.const 1 i32.const 65536 call $take-bytes",
    ),
    /outside of the memory/,
  ],
  [
    "a list whose strings overlap to more than the host allocates",
    {
      ...withFunction(
        '(param "l" (list string))',
        "take-strings",
        "(param i32 i32)",
        `(local $at i32)
         (loop $fill
           (i32.store (local.get $at) (i32.const 0))
           (i32.store offset=4 (local.get $at) (i32.const 0x7070))
           (local.set $at (i32.add (local.get $at) (i32.const 8)))
           (br_if $fill (i32.lt_u (local.get $at) (i32.const 65536))))
         i32.const 0 i32.const 8192 call $take-strings`,
      ),
    },
    /a call passes more than 67108864 bytes/,
  ],
  [
    "a discriminant that is no case, flat",
    withFunction(
      '(param "v" (result u32))',
      "take-variant",
      "(param i32 i32)",
      "i32.const 2 i32.const 0 call $take-variant",
    ),
    /2 is no case of a variant of 2 cases/,
  ],
  [
    "a discriminant that is no case, in memory",
    withFunction(
      '(param "v" (list (option u8)))',
      "take-variant",
      "(param i32 i32)",
      "(i32.store (i32.const 8) (i32.const 255)) i32.const 8 i32.const 1 call $take-variant",
    ),
    /255 is no case of a variant of 2 cases/,
  ],
  [
    "a char that is a surrogate",
    withFunction('(param "c" char)', "take-char", "(param i32)", "i32.const 0xd800 call $take-char"),
    /not a Unicode scalar value/,
  ],
  [
    "a char past U+10FFFF, in memory",
    withFunction(
      '(param "c" (list char))',
      "take-chars",
      "(param i32 i32)",
      "(i32.store (i32.const 0) (i32.const 0x110000)) i32.const 0 i32.const 1 call $take-chars",
    ),
    /not a Unicode scalar value/,
  ],
  ["a handle that never was", withThings("(call $use-thing (i32.const 77))"), /there is no handle 77/],
  ["handle 0", withThings("(call $use-thing (i32.const 0))"), /there is no handle 0/],
  ["a negative handle", withThings("(call $drop (i32.const -1))"), /there is no handle 4294967295/],
  [
    "a handle that is dropped twice",
    withThings("(call $drop (local.get $t)) (call $drop (local.get $t))"),
    /there is no handle/,
  ],
  [
    "a handle that is used after it was given away",
    withThings("(call $take-thing (local.get $t)) (call $use-thing (local.get $t))"),
    /there is no handle/,
  ],
  [
    "a handle that is given away while it is lent",
    withThings("(call $move-and-use (local.get $t) (local.get $t))"),
    /is lent to a call/,
  ],
  [
    "more handles than there may be",
    withThings("(loop $more (drop (call $make-thing)) (br $more))"),
    /more than 65536/,
  ],
  ["a realloc that returns a pointer past the end", GIVE_STRING("i32.const 65535"), /outside of the memory/],
  ["a realloc that returns a negative pointer", GIVE_STRING("i32.const -1"), /outside of the memory/],
  [
    "a realloc that returns a misaligned pointer",
    {
      ...withFunction("(result (list u32))", "give-numbers", "(param i32)", "i32.const 16 call $give-numbers"),
      realloc: "i32.const 1025",
    },
    /not aligned to 4 bytes/,
  ],
  [
    "a misaligned place for the result",
    withFunction("(result string)", "give-string", "(param i32)", "i32.const 18 call $give-string"),
    /not aligned to 4 bytes/,
  ],
  [
    "a place for the result past the end",
    withFunction("(result string)", "give-string", "(param i32)", "i32.const 65532 call $give-string"),
    /outside of the memory/,
  ],
  [
    "a realloc that calls out",
    {
      declares: '(export "give-string" (func (result string))) (export "take-char" (func (param "c" char)))',
      imports: [lowered("give-string", "(param i32)"), lowered("take-char", "(param i32)")],
      code: `(func $out (call $take-char (i32.const 65)))
        (elem (table $table) (i32.const 0) func $out)
        (func (export "run") (global.set $reenter (i32.const 1)) i32.const 16 call $give-string)`,
    },
    /called out of realloc or post-return/,
  ],
  [
    "a post-return that calls out",
    {
      declares: '(export "take-char" (func (param "c" char)))',
      imports: [lowered("take-char", "(param i32)")],
      code: `(func (export "run")) (func (export "after") (call $take-char (i32.const 65)))`,
      liftOptions: '(post-return (core func $main "after"))',
    },
    /called out of realloc or post-return/,
  ],
  [
    "a post-return that drops a handle",
    {
      ...withThings("(global.set $kept (local.get $t))"),
      code: `(global $kept (mut i32) (i32.const 0))
        (func (export "run") (global.set $kept (call $make-thing)))
        (func (export "after") (call $drop (global.get $kept)))`,
      liftOptions: '(post-return (core func $main "after"))',
    },
    /called out of realloc or post-return/,
  ],
  [
    "a result past the end of memory",
    {
      declares: "",
      runType: "(func (result string))",
      code: '(func (export "run") (result i32) i32.const 65532)',
    },
    /outside of the memory/,
  ],
  [
    "a function that the host does not have",
    withFunction("", "has-own-property", "", "call $has-own-property"),
    /the host has no function/,
  ],
];

test.each(CASES)("hostile guest: %s traps it, and no other instance", async (_, component, message) => {
  const program = await leanProgram(testComponentWat(component));
  for (let round = 0; round < 2; round++) {
    const instance = await instanceOver(program, HOST);
    await expect(instance.call(0, [])).rejects.toThrow(message);
    await expect(instance.call(0, [])).rejects.toThrow("the instance trapped before");
  }
});

const KEEPS_BORROW: TestComponent = {
  declares: THINGS,
  imports: [lowered("use-thing", "(param i32)"), DROP],
  runType: '(func (param "t" (borrow $thing)) (param "drop" bool))',
  code: `(func (export "run") (param $t i32) (param $drop i32)
    (call $use-thing (local.get $t))
    (if (local.get $drop) (then (call $drop (local.get $t)))))`,
};

test("hostile guest: a borrowed handle that is kept past its call traps; dropped, its value lives on", async () => {
  const program = await leanProgram(testComponentWat(KEEPS_BORROW));
  const disposed = Thing.disposed;
  await (await instanceOver(program, HOST)).call(0, [new Thing(), true]);
  expect(Thing.disposed).toBe(disposed);
  const keeper = await instanceOver(program, HOST);
  await expect(keeper.call(0, [new Thing(), false])).rejects.toThrow("kept past the end of its call");
  await expect(keeper.call(0, [new Thing(), true])).rejects.toThrow("the instance trapped before");
});

test("hostile guest: a borrowed handle cannot be given away", async () => {
  const program = await leanProgram(
    testComponentWat({
      declares: THINGS,
      imports: [lowered("take-thing", "(param i32)")],
      runType: '(func (param "t" (borrow $thing)))',
      code: '(func (export "run") (param i32) (call $take-thing (local.get 0)))',
    }),
  );
  await expect((await instanceOver(program, HOST)).call(0, [new Thing()])).rejects.toThrow("it cannot be given away");
});

test("hostile guest: entering an instance within its own call is refused, and the call goes on", async () => {
  const program = await leanProgram(
    testComponentWat(
      withFunction('(param "s" string)', "take-string", "(param i32 i32)", "i32.const 0 i32.const 0 call $take-string"),
    ),
  );
  let inner: Promise<unknown> | undefined;
  const instance = await instanceOver(program, {
    ...HOST,
    takeString: () => void (inner = instance.call(0, []).catch((thrown: unknown) => thrown)),
  });
  await instance.call(0, []);
  expect(await inner).toBeInstanceOf(AbiTrap);
  expect(String(await inner)).toMatch("entered while it is within a call");
  await instance.call(0, []);
});

test("hostile guest: one that catches its own trap is trapped all the same", async () => {
  const program = await leanProgram(
    testComponentWat({
      declares: '(export "take-char" (func (param "c" char)))',
      imports: [lowered("take-char", "(param i32)")],
      code: `(func (export "run")
        (block $caught (try_table (catch_all $caught) (call $take-char (i32.const 0xd800))))
        (block $again (try_table (catch_all $again) (call $take-char (i32.const 65)))))`,
    }),
  );
  const calls: string[] = [];
  const instance = await instanceOver(program, { ...HOST, takeChar: (char: string) => void calls.push(char) });
  await expect(instance.call(0, [])).rejects.toThrow("not a Unicode scalar value");
  expect(calls).toEqual([]);
});

test("hostile guest: the error of a function without a result traps", async () => {
  const program = await leanProgram(testComponentWat(withFunction("", "fail", "", "call $fail")));
  await expect((await instanceOver(program, HOST)).call(0, [])).rejects.toBeInstanceOf(WasiError);
});
