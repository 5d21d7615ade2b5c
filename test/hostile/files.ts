import { RESULT, VALUE } from "./guest-text.ts";
import { STOPPED, type HostileKind } from "./kinds.ts";

/** Guests that have one writable folder, `/scratch`, and want more of it, or another. */

const SCRATCH = { files: [{ name: "scratch", mountPath: "/scratch", emptyDir: {} }] };
const SMALL_SCRATCH = { files: [{ name: "scratch", mountPath: "/scratch", emptyDir: { sizeLimit: "4Mi" } }] };
const CREATE = 1;
const DIRECTORY = 2;
const READ_WRITE = 3;
const MUTATE = 32;

/** Leaves the first preopen, which is all there is, in `$j`: a list of records of a handle, an address and a length. */
const PREOPEN = `(call $preopens.get-directories ${RESULT})
  (local.set $j (i32.load (i32.load ${RESULT})))`;

/** Opens the path that lies at 1024 in `$j`. */
function openAt(length: number, openFlags: number, flags: number): string {
  return `(call $descriptor.open-at (local.get $j) (i32.const 0) (i32.const 1024) (i32.const ${length})
    (i32.const ${openFlags}) (i32.const ${flags}) ${RESULT})`;
}

/** Answers with 0 where the last call of the host succeeded, else with one more than its error's number. */
const ANSWER_ERROR = `(call $answer-number (local.get $out)
  (if (result i32) (i32.load8_u ${RESULT}) (then (i32.add (i32.const 1) (i32.load8_u (i32.const 68)))) (else (i32.const 0))))`;

/** Writes the lowest four hexadecimal digits of `$i` over the text at 1024. */
const NAME_BY_NUMBER = `
  (i32.store8 (i32.const 1024) (i32.add (i32.const 97) (i32.and (local.get $i) (i32.const 15))))
  (i32.store8 (i32.const 1025) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $i) (i32.const 4)) (i32.const 15))))
  (i32.store8 (i32.const 1026) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $i) (i32.const 8)) (i32.const 15))))
  (i32.store8 (i32.const 1027) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $i) (i32.const 12)) (i32.const 15))))
  (local.set $i (i32.add (local.get $i) (i32.const 1)))`;

export const FILE_KINDS: readonly HostileKind[] = [
  {
    name: "files-open",
    tries: "opens the same file again and again and keeps all of them open",
    guest: {
      definitions: `(data (i32.const 1024) "f")`,
      handle: `${PREOPEN}
        (loop $more ${openAt(1, CREATE, READ_WRITE)}
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $more (i32.eqz (i32.load8_u ${RESULT}))))
        (call $answer-number (local.get $out) (local.get $n))`,
    },
    spec: SCRATCH,
    expected: /^200 \d{3,4}$/,
  },
  {
    name: "files-many",
    tries: "makes files until its time is over",
    guest: {
      definitions: `(data (i32.const 1024) "aaaa")`,
      handle: `${PREOPEN}
        (loop $more ${NAME_BY_NUMBER} ${openAt(4, CREATE, READ_WRITE)}
          (call $descriptor.drop ${VALUE}) (br $more))`,
    },
    spec: SCRATCH,
    ...STOPPED,
  },
  {
    name: "files-deep",
    tries: "makes a folder within a folder for ever",
    guest: {
      definitions: `(data (i32.const 1024) "d")`,
      handle: `${PREOPEN}
        (loop $deeper
          (call $descriptor.create-directory-at (local.get $j) (i32.const 1024) (i32.const 1) ${RESULT})
          ${openAt(1, DIRECTORY, MUTATE + 1)}
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (if (i32.eqz (i32.load8_u ${RESULT})) (then (local.set $j ${VALUE}) (br $deeper))))
        (call $answer-number (local.get $out) (local.get $n))`,
    },
    spec: SCRATCH,
    expected: /^(200 \d+|504 GUEST_TIMEOUT)$/,
  },
  {
    name: "files-sparse",
    tries: "makes a file of 2^62 bytes without writing any",
    guest: {
      definitions: `(data (i32.const 1024) "big")`,
      handle: `${PREOPEN} ${openAt(3, CREATE, READ_WRITE)}
        (call $descriptor.set-size ${VALUE} (i64.const 0x4000000000000000) ${RESULT}) ${ANSWER_ERROR}`,
    },
    spec: SCRATCH,
    expected: /^200 [1-9]\d*$/,
  },
  {
    name: "files-full",
    tries: "writes 50 MB to a folder",
    guest: {
      definitions: `(data (i32.const 1024) "full")`,
      memory: "20",
      handle: `${PREOPEN} ${openAt(4, CREATE, READ_WRITE)} (local.set $j ${VALUE})
        (loop $more
          (call $descriptor.write (local.get $j) (i32.const 65536) (i32.const 1000000)
            (i64.mul (i64.extend_i32_u (local.get $i)) (i64.const 1000000)) ${RESULT})
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more (i32.and (i32.eqz (i32.load8_u ${RESULT})) (i32.lt_u (local.get $i) (i32.const 50)))))
        (call $answer-number (local.get $out)
          (if (result i32) (i32.load8_u ${RESULT}) (then (i32.load8_u (i32.const 72))) (else (i32.const 0))))`,
    },
    spec: SMALL_SCRATCH,
    // The number of `insufficient-space`.
    expected: "200 23",
  },
  {
    name: "files-full-of-nothing",
    tries: "fills a folder with empty files",
    guest: {
      definitions: `(data (i32.const 1024) "aaaa")`,
      handle: `${PREOPEN}
        (loop $more ${NAME_BY_NUMBER} ${openAt(4, CREATE, READ_WRITE)}
          (if (i32.eqz (i32.load8_u ${RESULT})) (then (call $descriptor.drop ${VALUE}) (br $more))))
        ${ANSWER_ERROR}`,
    },
    spec: SMALL_SCRATCH,
    expected: "200 24",
  },
  ...(
    [
      ["files-up", "opens the folder above its own", ".."],
      ["files-absolute", "opens a path from the host's root", "/etc/passwd"],
      ["files-through", "leaves its folder and comes back into another", "a/../../../../../../../../etc/passwd"],
      ["files-proc", "opens the host's process table by a path", "../../proc/self/environ"],
    ] as const
  ).map(([name, tries, path]) => ({
    name,
    tries,
    guest: {
      definitions: `(data (i32.const 1024) "${path}")`,
      handle: `${PREOPEN} ${openAt(path.length, 0, 1)} ${ANSWER_ERROR}`,
    },
    spec: SCRATCH,
    expected: /^200 [1-9]\d*$/,
  })),
  {
    name: "files-long-path",
    tries: "opens a path of 60,000 bytes",
    guest: {
      handle: `${PREOPEN} (memory.fill (i32.const 1024) (i32.const 97) (i32.const 60000))
        ${openAt(60_000, 0, 1)} ${ANSWER_ERROR}`,
    },
    spec: SCRATCH,
    expected: /^200 [1-9]\d*$/,
  },
  {
    name: "files-link-out",
    tries: "makes a symbolic link to a file of the host's, and opens it",
    guest: {
      definitions: `(data (i32.const 1024) "link") (data (i32.const 1100) "../../../../../../../../etc/passwd")`,
      handle: `${PREOPEN}
        (call $descriptor.symlink-at (local.get $j) (i32.const 1100) (i32.const 34) (i32.const 1024) (i32.const 4) ${RESULT})
        (call $descriptor.open-at (local.get $j) (i32.const 1) (i32.const 1024) (i32.const 4)
          (i32.const 0) (i32.const 1) ${RESULT}) ${ANSWER_ERROR}`,
    },
    spec: SCRATCH,
    expected: /^200 [1-9]\d*$/,
  },
  {
    name: "files-link-circle",
    tries: "makes a symbolic link to itself, and opens it",
    guest: {
      definitions: `(data (i32.const 1024) "self")`,
      handle: `${PREOPEN}
        (call $descriptor.symlink-at (local.get $j) (i32.const 1024) (i32.const 4) (i32.const 1024) (i32.const 4) ${RESULT})
        (call $descriptor.open-at (local.get $j) (i32.const 1) (i32.const 1024) (i32.const 4)
          (i32.const 0) (i32.const 1) ${RESULT}) ${ANSWER_ERROR}`,
    },
    spec: SCRATCH,
    expected: /^200 [1-9]\d*$/,
  },
  {
    name: "files-stat-loop",
    tries: "asks after a file for ever",
    guest: {
      definitions: `(data (i32.const 1024) "none")`,
      handle: `${PREOPEN} (loop $again
        (call $descriptor.stat-at (local.get $j) (i32.const 0) (i32.const 1024) (i32.const 4) ${RESULT}) (br $again))`,
    },
    spec: SCRATCH,
    ...STOPPED,
  },
];
