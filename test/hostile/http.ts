import { RESULT, VALUE } from "./guest-text.ts";
import { PROBE, STOPPED, type HostileKind } from "./kinds.ts";
import { ask, post } from "./client.ts";

/** Guests that answer late, never, twice, wrongly or without end. */

const LOOP = "(loop $again (br $again))";
const WAIT = "(call $pollable.block (call $monotonic-clock.subscribe-duration (i64.const 3600000000000)))";
const LARGE_BODY_BYTES = 8 * 1024 * 1024;
const TOO_LARGE_BODY_BYTES = 64 * 1024 * 1024 + 1;

/** Writes 4 KiB pieces of the memory to `$stream` until that is refused. */
const WRITE_FOR_EVER = `(loop $again
  (call $output-stream.blocking-write-and-flush (local.get $stream) (i32.const 4096) (i32.const 4096) ${RESULT})
  (br_if $again (i32.eqz (i32.load8_u ${RESULT}))))`;

/** Appends the header whose name and value lie in data at 1024 and 1040 to the fields in `$i`. */
function append(nameLength: number, valueLength: number): string {
  return `(call $fields.append (local.get $i) (i32.const 1024) (i32.const ${nameLength})
    (i32.const 1040) (i32.const ${valueLength}) ${RESULT})`;
}

/** Answers with a body of four bytes and the content-length that the data at 1040 says. */
function declared(length: string): HostileKind["guest"] {
  return {
    definitions: `(data (i32.const 1024) "content-length") (data (i32.const 1040) "${length}")`,
    handle: `(local.set $i (call $fields.new)) ${append(14, length.length)}
      (local.set $j (call $outgoing-response.new (local.get $i)))
      (call $outgoing-response.body (local.get $j) ${RESULT}) (global.set $body ${VALUE})
      (call $respond (local.get $out) (local.get $j))
      (call $outgoing-body.write (global.get $body) ${RESULT}) (local.set $stream ${VALUE})
      (call $output-stream.blocking-write-and-flush (local.get $stream) (i32.const 1024) (i32.const 4) ${RESULT})
      (call $finish (local.get $stream))`,
  };
}

export const HTTP_KINDS: readonly HostileKind[] = [
  {
    name: "answer-none",
    tries: "returns without an answer",
    guest: { handle: "" },
    expected: "502 GUEST_NO_RESPONSE",
  },
  {
    name: "answer-dropped",
    tries: "drops what it should answer through, and loops",
    guest: { handle: `(call $response-outparam.drop (local.get $out)) ${LOOP}` },
    ...STOPPED,
  },
  {
    name: "answer-never",
    waits: true,
    tries: "waits for an hour before it answers",
    guest: { handle: `${WAIT} (call $answer (local.get $out))` },
    ...STOPPED,
  },
  {
    name: "answer-twice",
    tries: "answers a second time through the same handle",
    guest: { handle: "(call $answer (local.get $out)) (call $answer (local.get $out))" },
    expected: "200",
  },
  {
    name: "answer-response-twice",
    tries: "gives the same response away twice",
    guest: {
      handle: `(local.set $j (call $outgoing-response.new (call $fields.new)))
        (call $respond (local.get $out) (local.get $j)) (call $respond (local.get $out) (local.get $j))`,
    },
    expected: "200",
  },
  {
    name: "answer-error",
    tries: "answers with an error of HTTP's",
    guest: PROBE,
    attack: ({ url }) => ask(`${url}/set-error`),
    expected: "502 GUEST_ERROR",
  },
  {
    name: "answer-then-loop",
    tries: "loops behind a complete answer",
    guest: { handle: `(call $answer (local.get $out)) ${LOOP}` },
    expected: "200",
    limit: "request_timeout",
  },
  {
    name: "answer-then-wait",
    waits: true,
    tries: "waits for an hour behind a complete answer",
    guest: { handle: `(call $answer (local.get $out)) ${WAIT}` },
    expected: "200",
  },
  {
    name: "trap-before",
    tries: "traps before it answers",
    guest: { handle: "unreachable" },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "trap-during",
    tries: "traps in the middle of its answer",
    guest: {
      handle: `(local.set $stream (call $begin (local.get $out)))
        (call $output-stream.blocking-write-and-flush (local.get $stream) (i32.const 0) (i32.const 4) ${RESULT})
        unreachable`,
    },
    // A guest that pauses in between lets the beginning out.
    expected: /^(cut|502 GUEST_TRAPPED)$/,
  },
  {
    name: "trap-after-wait",
    tries: "traps in an answer of which something was sent",
    guest: {
      handle: `(local.set $stream (call $begin (local.get $out)))
        (call $output-stream.blocking-write-and-flush (local.get $stream) (i32.const 0) (i32.const 4) ${RESULT})
        (call $pollable.block (call $monotonic-clock.subscribe-duration (i64.const 20000000)))
        unreachable`,
    },
    // On a busy machine its wait is over before anything was sent.
    expected: /^(cut|502 GUEST_RESPONSE_INCOMPLETE)$/,
  },
  {
    name: "trap-after",
    tries: "traps behind a complete answer",
    guest: { handle: "(call $answer (local.get $out)) unreachable" },
    expected: "200",
  },
  {
    name: "exit",
    tries: "ends its process instead of answering",
    guest: { handle: "(call $exit.exit (i32.const 0))" },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "body-without-end",
    tries: "writes an answer without end to a client that reads it all",
    guest: { handle: `(local.set $stream (call $begin (local.get $out))) ${WRITE_FOR_EVER}` },
    expected: "cut",
    limit: "request_timeout",
  },
  {
    name: "body-unfinished",
    tries: "returns without ending its answer",
    guest: { handle: "(drop (call $begin (local.get $out)))" },
    expected: "502 GUEST_RESPONSE_INCOMPLETE",
  },
  {
    name: "body-stalls",
    waits: true,
    tries: "begins an answer and never goes on",
    guest: { handle: `(drop (call $begin (local.get $out))) ${WAIT}` },
    expected: /^(cut|504 GUEST_TIMEOUT)$/,
    limit: "request_timeout",
  },
  {
    name: "body-begun-then-loop",
    tries: "loops in the middle of its answer",
    guest: { handle: `(drop (call $begin (local.get $out))) ${LOOP}` },
    expected: /^(cut|504 GUEST_TIMEOUT)$/,
    limit: "request_timeout",
  },
  {
    name: "body-longer",
    tries: "writes more bytes than its content-length says",
    guest: declared("2"),
    expected: /^(cut|502 GUEST_RESPONSE_INCOMPLETE)$/,
  },
  {
    name: "body-shorter",
    tries: "writes fewer bytes than its content-length says",
    guest: declared("9"),
    expected: /^(cut|502 GUEST_RESPONSE_INCOMPLETE)$/,
  },
  {
    name: "body-length-malformed",
    tries: "declares a content-length that is none",
    guest: declared("4, 5"),
    expected: /^(cut|502 GUEST_RESPONSE_INCOMPLETE)$/,
  },
  {
    name: "write-beyond-room",
    tries: "writes more at once than the host has room for",
    guest: {
      memory: "200",
      handle: `(local.set $stream (call $begin (local.get $out)))
        (call $output-stream.write (local.get $stream) (i32.const 0) (i32.const 12000000) ${RESULT})`,
    },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "write-zeroes-huge",
    tries: "asks the host to write 2^62 zeroes",
    guest: {
      handle: `(local.set $stream (call $begin (local.get $out)))
        (call $output-stream.write-zeroes (local.get $stream) (i64.const 0x4000000000000000) ${RESULT})`,
    },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "header-injection",
    tries: "puts a line break into a header's value",
    guest: {
      definitions: `(data (i32.const 1024) "x-a") (data (i32.const 1040) "b\\0d\\0aset-cookie: c")`,
      handle: `(local.set $i (call $fields.new)) ${append(3, 16)}
        (call $answer-number (local.get $out) (i32.load8_u ${RESULT}))`,
    },
    expected: "200 1",
  },
  {
    name: "header-forbidden",
    tries: "sets the header that ends the connection",
    guest: {
      definitions: `(data (i32.const 1024) "connection") (data (i32.const 1040) "close")`,
      handle: `(local.set $i (call $fields.new)) ${append(10, 5)}
        (call $answer-number (local.get $out) (i32.load8_u ${RESULT}))`,
    },
    expected: "200 1",
  },
  {
    name: "header-bomb",
    tries: "answers with as many headers as it can",
    guest: {
      definitions: `(data (i32.const 1024) "x-a") (data (i32.const 1040) "b")`,
      handle: `(local.set $i (call $fields.new))
        (loop $more ${append(3, 1)}
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $more (i32.eqz (i32.load8_u ${RESULT}))))
        (call $respond (local.get $out) (call $outgoing-response.new (local.get $i)))`,
    },
    expected: /^(200|502 GUEST_TRAPPED)$/,
  },
  {
    name: "status-invalid",
    tries: "answers with a status that is none",
    guest: {
      handle: `(local.set $j (call $outgoing-response.new (call $fields.new)))
        (call $answer-number (local.get $out)
          (call $outgoing-response.set-status-code (local.get $j) (i32.const 1000)))`,
    },
    expected: "200 1",
  },
  {
    name: "informational-flood",
    tries: "sends 1xx responses without end",
    guest: {
      handle: `(loop $again
        (call $response-outparam.send-informational (local.get $out) (i32.const 103) (call $fields.new) ${RESULT})
        (br $again))`,
    },
    ...STOPPED,
  },
  {
    name: "upload-unread",
    tries: "never reads the body that a client sends, and loops",
    guest: { handle: LOOP },
    attack: ({ url }) => post(url, Buffer.alloc(LARGE_BODY_BYTES)),
    expected: /^(504 GUEST_TIMEOUT|cut)$/,
    limit: "request_timeout",
  },
  {
    name: "upload-spun-for",
    tries: "asks for the next piece of a body in a loop, without waiting for it",
    guest: {
      handle: `(call $incoming-request.consume (local.get $request) ${RESULT})
        (call $incoming-body.stream ${VALUE} ${RESULT}) (local.set $stream ${VALUE})
        (loop $again (global.set $heap (i32.const 65536))
          (call $input-stream.read (local.get $stream) (i64.const 65536) ${RESULT}) (br $again))`,
    },
    attack: ({ url }) => post(url, Buffer.alloc(1024)),
    expected: /^(504 GUEST_TIMEOUT|cut)$/,
    limit: "request_timeout",
  },
  {
    name: "upload-too-large",
    tries: "is sent a body larger than is accepted",
    guest: PROBE,
    attack: ({ url }) => post(`${url}/drain`, Buffer.alloc(TOO_LARGE_BODY_BYTES)),
    spec: { limits: { requestTimeoutSeconds: 30 } },
    expected: /^(413 REQUEST_BODY_TOO_LARGE|cut)$/,
  },
  {
    name: "upload-consumed-twice",
    tries: "consumes its request twice, and its stream twice",
    guest: {
      handle: `(call $incoming-request.consume (local.get $request) ${RESULT})
        (call $incoming-request.consume (local.get $request) ${RESULT})
        (call $answer-number (local.get $out) (i32.load8_u ${RESULT}))`,
    },
    expected: "200 1",
  },
  {
    name: "parent-dropped-first",
    tries: "drops a body while its stream is open, which the component model forbids",
    guest: {
      handle: `(local.set $stream (call $begin (local.get $out))) (call $outgoing-body.drop (global.get $body))
        (call $output-stream.blocking-write-and-flush (local.get $stream) (i32.const 0) (i32.const 4) ${RESULT})`,
    },
    expected: "502 GUEST_TRAPPED",
  },
  {
    name: "concurrency",
    waits: true,
    tries: "holds its one place while 20 clients ask",
    guest: { handle: `${WAIT} (call $answer (local.get $out))` },
    spec: { limits: { concurrency: 1 } },
    attack: ({ url }) => import("./client.ts").then(({ askAtOnce }) => askAtOnce(url, 20)),
    expected: /^(?=.*REQUEST_OVERLOADED)(?=.*GUEST_TIMEOUT)/,
    limit: "concurrency",
  },
  {
    name: "queue-wait",
    waits: true,
    tries: "has clients wait for its one place until their time is over",
    guest: { handle: `${WAIT} (call $answer (local.get $out))` },
    spec: { limits: { concurrency: 1 } },
    attack: ({ url }) => import("./client.ts").then(({ askAtOnce }) => askAtOnce(url, 3)),
    expected: /^\d × (504 GUEST_TIMEOUT|503 REQUEST_OVERLOADED)(, \d × (504 GUEST_TIMEOUT|503 REQUEST_OVERLOADED))?$/,
    limit: "request_timeout",
  },
];
