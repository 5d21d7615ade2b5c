import { RESULT } from "./guest-text.ts";
import type { HostileKind } from "./kinds.ts";

/** Guests that print: much, without a line's end, or what a terminal or a log must not show. */

const STDOUT = "(local.set $stream (call $stdout.get-stdout))";
const STDERR = "(local.set $stream (call $stderr.get-stderr))";
const DROPPED = { counter: "wasmlet_log_lines_dropped_total" } as const;

/** Writes what stands at 65536 on, `length` bytes of it, for ever. */
function printForEver(length: number, write: "blocking-write-and-flush" | "write"): string {
  return `(loop $again
    (call $output-stream.${write} (local.get $stream) (i32.const 65536) (i32.const ${length}) ${RESULT})
    (br $again))`;
}

const FILL_LINES = "(memory.fill (i32.const 65536) (i32.const 10) (i32.const 4096))";
const FILL_TEXT = "(memory.fill (i32.const 65536) (i32.const 120) (i32.const 4096))";
/** A line of each 64 bytes. */
const FILL_SHORT_LINES = `${FILL_TEXT} (loop $line
  (i32.store8 (i32.add (i32.const 65599) (local.get $i)) (i32.const 10))
  (local.set $i (i32.add (local.get $i) (i32.const 64)))
  (br_if $line (i32.lt_u (local.get $i) (i32.const 4032))))`;

export const LOG_KINDS: readonly HostileKind[] = [
  {
    name: "log-flood",
    tries: "prints short lines for ever",
    guest: { handle: `${STDOUT} ${FILL_SHORT_LINES} ${printForEver(4096, "blocking-write-and-flush")}` },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
    ...DROPPED,
  },
  {
    name: "log-flood-stderr",
    tries: "prints short lines to its error stream for ever",
    guest: { handle: `${STDERR} ${FILL_SHORT_LINES} ${printForEver(4096, "blocking-write-and-flush")}` },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
    ...DROPPED,
  },
  {
    name: "log-line-without-end",
    tries: "prints one line for ever",
    guest: { handle: `${STDOUT} ${FILL_TEXT} ${printForEver(4096, "blocking-write-and-flush")}` },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
  },
  {
    name: "log-empty-lines",
    tries: "prints nothing but line ends for ever",
    guest: { handle: `${STDOUT} ${FILL_LINES} ${printForEver(4096, "blocking-write-and-flush")}` },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
  },
  {
    name: "log-byte-by-byte",
    tries: "prints a byte at a time for ever",
    guest: { handle: `${STDOUT} ${FILL_LINES} ${printForEver(1, "blocking-write-and-flush")}` },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
  },
  {
    name: "log-unchecked",
    tries: "prints without asking for room",
    guest: { handle: `${STDOUT} ${FILL_TEXT} ${printForEver(4096, "write")}` },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "log-escapes",
    tries: "prints what steers a terminal, and what is no UTF-8",
    guest: {
      definitions: `(data (i32.const 1024) "\\1b[2J\\1b]0;owned\\07\\ff\\fe\\00{\\22level\\22:60}\\0d\\0a")`,
      handle: `${STDOUT}
        (call $output-stream.blocking-write-and-flush (local.get $stream) (i32.const 1024) (i32.const 34) ${RESULT})
        (call $answer (local.get $out))`,
    },
    expected: "200",
  },
];
