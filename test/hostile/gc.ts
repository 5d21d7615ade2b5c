import type { Gap, HostileKind } from "./kinds.ts";

/*
 * Modules that the rewriting does not handle: what no epoch check ends, the watchdog ends with the whole process, one second
 * after the deadline. Such apps have a process of their own.
 */

const unstoppable = (what: string): { expected: string; waits: true; gap: Gap } => ({
  expected: "cut",
  waits: true,
  gap: { why: `code with ${what} is not rewritten: its process ends 1 s after the deadline`, costsCell: true },
});

const STRUCT = "(type $node (struct (field i64) (field (ref null $node))))";

export const GC_KINDS: readonly HostileKind[] = [
  {
    name: "gc-loop",
    tries: "loops in a module with garbage-collected types",
    guest: { types: STRUCT, handle: "(loop $again (br $again))" },
    ...unstoppable("garbage-collected types"),
  },
  {
    name: "gc-churn",
    tries: "makes garbage-collected structs for ever and keeps none",
    guest: {
      types: STRUCT,
      handle: "(loop $again (drop (struct.new $node (i64.const 1) (ref.null $node))) (br $again))",
    },
    ...unstoppable("garbage-collected types"),
  },
  {
    name: "gc-list",
    tries: "makes a list of garbage-collected structs without end",
    guest: {
      types: STRUCT,
      definitions: "(global $list (mut (ref null $node)) (ref.null $node))",
      handle: `(loop $again
        (global.set $list (struct.new $node (i64.const 1) (global.get $list))) (br $again))`,
    },
    ...unstoppable("garbage-collected types"),
  },
  {
    name: "gc-array-fill",
    tries: "fills a garbage-collected array of 100 MB, again and again",
    guest: {
      types: "(type $bytes (array (mut i8)))",
      definitions: "(global $all (mut (ref null $bytes)) (ref.null $bytes))",
      handle: `(global.set $all (array.new_default $bytes (i32.const 100000000)))
        (loop $again
          (array.fill $bytes (global.get $all) (i32.const 0) (i32.const 1) (i32.const 100000000)) (br $again))`,
    },
    ...unstoppable("garbage-collected types"),
  },
  {
    name: "memories-two",
    tries: "loops in a module with two memories",
    guest: { definitions: "(memory 1)", handle: "(loop $again (br $again))" },
    ...unstoppable("several memories"),
  },
  {
    name: "memory-64",
    tries: "loops in a module that has a memory with 64-bit addresses beside its own",
    guest: { definitions: "(memory i64 1)", handle: "(loop $again (br $again))" },
    ...unstoppable("64-bit memories"),
  },
  {
    name: "table-64",
    tries: "loops in a module that has a table with 64-bit indices",
    guest: { definitions: "(table i64 1 funcref)", handle: "(loop $again (br $again))" },
    ...unstoppable("64-bit tables"),
  },
  {
    name: "atomics",
    tries: "loops in a module with atomic instructions",
    guest: {
      handle: "(loop $again (drop (i32.atomic.rmw.add (i32.const 128) (i32.const 1))) (br $again))",
    },
    ...unstoppable("atomic instructions"),
  },
];
