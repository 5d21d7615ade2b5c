import { CPU_KINDS } from "./cpu.ts";
import { HTTP_KINDS } from "./http.ts";
import { STOPPED, type HostileKind } from "./kinds.ts";
import { LOG_KINDS } from "./logs.ts";
import { MEMORY_KINDS } from "./memory.ts";
import { RECURSION_KINDS } from "./recursion.ts";
import { SOCKET_KINDS } from "./sockets.ts";
import { START_KINDS } from "./start.ts";

/*
 * Kinds again, bound by the general engine: its code is generated, suspends in another way, keeps handles of its own and is
 * stopped by a word of each instance's, so that what they try there is another program.
 */

/** What comes of a kind on the general engine where that is something else. */
const AGAIN: Readonly<Record<string, Partial<HostileKind>>> = {
  "loop-empty": {},
  "bulk-fill": {},
  "catches-its-end": {},
  "host-churn": {},
  // Its guests cannot pause, so that nobody asks them before their deadline.
  "realloc-loops": STOPPED,
  "recursion-to-the-host": {},
  "table-grows": {},
  handles: {},
  "poll-list": {},
  // jco drops what is not there without a word.
  "handle-forged": { expected: "502 GUEST_NO_RESPONSE" },
  "start-loops": {},
  "initialize-waits": {},
  "answer-none": {},
  "answer-then-loop": {},
  "trap-during": {},
  "body-without-end": {},
  "write-beyond-room": {},
  "upload-spun-for": {},
  "sockets-tcp": {},
  "log-flood": {},
};

const ORIGINALS = [
  ...CPU_KINDS,
  ...RECURSION_KINDS,
  ...MEMORY_KINDS,
  ...START_KINDS,
  ...HTTP_KINDS,
  ...SOCKET_KINDS,
  ...LOG_KINDS,
];

export const JCO_KINDS: readonly HostileKind[] = Object.entries(AGAIN).map(([name, changes]) => onJco(name, changes));

function onJco(name: string, changes: Partial<HostileKind>): HostileKind {
  const original = ORIGINALS.find((kind) => kind.name === name);
  if (original === undefined || !("handle" in original.guest)) throw new Error(`no kind with text is called ${name}`);
  return {
    ...original,
    name: `jco-${name}`,
    tries: `${original.tries}, on the general engine`,
    guest: { ...original.guest, engine: "jco" },
    ...changes,
  };
}
