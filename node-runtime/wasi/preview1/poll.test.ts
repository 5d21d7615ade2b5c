import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HostClosedError } from "../errors.ts";
import { ERRNO } from "./errno.ts";
import { RIGHTS } from "./flags.ts";
import { makeGuestWithFolder, settle, TestGuest } from "./test-guest.ts";

const CLOCK = 0;
const FD_READ = 1;
const FD_WRITE = 2;
const REALTIME = 0;
const MONOTONIC = 1;
const EVENTS = 8192;
const RESULT = 80;

type Wanted =
  | { type: typeof CLOCK; id: number; ns: bigint; absolute?: boolean }
  | { type: typeof FD_READ | typeof FD_WRITE; fd: number };

/** Stores subscriptions, whose userdata is their index plus 100, and calls poll_oneoff. */
function poll(guest: TestGuest, ...wanted: Wanted[]): Promise<number> {
  const { view } = guest;
  for (const [index, subscription] of wanted.entries()) {
    const at = 100 + index * 48;
    new Uint8Array(guest.memory.buffer, at, 48).fill(0);
    view.setBigUint64(at, BigInt(index + 100), true);
    view.setUint8(at + 8, subscription.type);
    if (subscription.type === CLOCK) {
      view.setUint32(at + 16, subscription.id, true);
      view.setBigUint64(at + 24, subscription.ns, true);
      view.setUint16(at + 40, subscription.absolute ? 1 : 0, true);
    } else {
      view.setUint32(at + 16, subscription.fd, true);
    }
  }
  return guest.call("poll_oneoff", 100, EVENTS, wanted.length, RESULT);
}

/** The events that the last call told. */
function events(guest: TestGuest): Array<{ userdata: number; error: number; type: number; nbytes: number }> {
  return Array.from({ length: guest.u32(RESULT) }, (_, index) => {
    const at = EVENTS + index * 32;
    return {
      userdata: Number(guest.u64(at)),
      error: guest.view.getUint16(at + 8, true),
      type: guest.view.getUint8(at + 10),
      nbytes: Number(guest.u64(at + 16)),
    };
  });
}

test.each([
  ["relative, monotonic", { type: CLOCK, id: MONOTONIC, ns: 5_000_000n }],
  ["relative, real time", { type: CLOCK, id: REALTIME, ns: 5_000_000n }],
  ["absolute, monotonic", { type: CLOCK, id: MONOTONIC, ns: 5_001_000n, absolute: true }],
  ["absolute, real time", { type: CLOCK, id: REALTIME, ns: 1_000_005_001_000n, absolute: true }],
] as const)("poll: a timeout (%s) ends when the clock says so, not before", async (_what, subscription) => {
  const guest = new TestGuest();
  let ended = false;
  const pending = poll(guest, subscription).then((errno) => {
    ended = true;
    return errno;
  });
  await settle();
  guest.clock.advance(4_999_999n);
  await settle();
  expect(ended).toBe(false);
  guest.clock.advance(1n);
  expect(await pending).toBe(ERRNO.SUCCESS);
  expect(events(guest)).toEqual([{ userdata: 100, error: ERRNO.SUCCESS, type: CLOCK, nbytes: 0 }]);
});

test.each([0n, 1n])(
  "poll: an absolute time that is past (%i) ends at once, after a turn for the neighbours",
  async (ns) => {
    const guest = new TestGuest();
    let turned = false;
    setImmediate(() => (turned = true));
    expect(await poll(guest, { type: CLOCK, id: MONOTONIC, ns, absolute: true })).toBe(ERRNO.SUCCESS);
    expect(turned).toBe(true);
    expect(guest.clock.armed).toBe(0);
  },
);

test("poll: the longest timeout there is waits", async () => {
  const guest = new TestGuest();
  const pending = poll(
    guest,
    { type: CLOCK, id: MONOTONIC, ns: 2n ** 64n - 1n },
    { type: CLOCK, id: MONOTONIC, ns: 10n },
  );
  await settle();
  expect(guest.clock.armed).toBe(2);
  guest.clock.advance(1_000_000n);
  await pending;
  expect(events(guest).map(({ userdata }) => userdata)).toEqual([101]);
  expect(guest.clock.armed).toBe(0);
});

test("poll: input ends the wait before the timeout, whose timer is taken back", async () => {
  const guest = new TestGuest();
  const pending = poll(guest, { type: CLOCK, id: MONOTONIC, ns: 1_000_000n }, { type: FD_READ, fd: 0 });
  await settle();
  guest.stdin.write(Buffer.from("x"));
  expect(await pending).toBe(ERRNO.SUCCESS);
  expect(events(guest)).toEqual([{ userdata: 101, error: ERRNO.SUCCESS, type: FD_READ, nbytes: 1 }]);
  expect(guest.clock.armed).toBe(0);
  expect(await guest.read(0, 10)).toBe("x");
});

test("poll: output is ready when there is room", async () => {
  const guest = new TestGuest({ stdoutBytes: 2 });
  await guest.write(1, "ab");
  const pending = poll(guest, { type: FD_WRITE, fd: 1 });
  await settle();
  guest.stdout.take(1);
  expect(await pending).toBe(ERRNO.SUCCESS);
  expect(events(guest)).toEqual([{ userdata: 100, error: ERRNO.SUCCESS, type: FD_WRITE, nbytes: 1 }]);
});

test("poll: a file is always ready and says how much is left of it", async () => {
  const { guest, folder } = makeGuestWithFolder();
  writeFileSync(join(folder, "f"), "12345");
  const fd = await guest.open("f", { rights: RIGHTS.FD_READ });
  await guest.read(fd, 2);
  expect(await poll(guest, { type: FD_READ, fd })).toBe(ERRNO.SUCCESS);
  expect(events(guest)).toEqual([{ userdata: 100, error: ERRNO.SUCCESS, type: FD_READ, nbytes: 3 }]);
});

test.each([
  ["a descriptor that is not open", { type: FD_READ, fd: 9 }, ERRNO.BADF],
  ["reading standard output", { type: FD_READ, fd: 1 }, ERRNO.BADF],
  ["writing standard input", { type: FD_WRITE, fd: 0 }, ERRNO.BADF],
  ["a directory", { type: FD_READ, fd: 3 }, ERRNO.BADF],
  ["a clock that is not offered", { type: CLOCK, id: 2, ns: 0n }, ERRNO.INVAL],
] as const)("poll: %s is told in its own event, beside the others", async (_what, subscription, error) => {
  const { guest } = makeGuestWithFolder();
  expect(await poll(guest, { type: FD_WRITE, fd: 1 }, subscription)).toBe(ERRNO.SUCCESS);
  expect(events(guest).map((event) => [event.userdata, event.error])).toEqual([
    [100, ERRNO.SUCCESS],
    [101, error],
  ]);
});

test.each([
  ["no subscription", 0, ERRNO.INVAL],
  ["too many", 1025, ERRNO.INVAL],
  ["a negative number", -1, ERRNO.INVAL],
  ["more than memory holds", 1024, ERRNO.FAULT],
])("poll: %s is refused", async (_what, count, errno) => {
  const guest = new TestGuest();
  expect(await guest.call("poll_oneoff", 40_000, EVENTS, count, RESULT)).toBe(errno);
});

test("poll: an unknown kind of subscription is refused", async () => {
  const guest = new TestGuest();
  expect(await poll(guest, { type: 3 as typeof FD_READ, fd: 0 })).toBe(ERRNO.INVAL);
});

test("poll: a guest that sleeps when the host closes is unwound and its timer taken back", async () => {
  const guest = new TestGuest();
  const pending = poll(guest, { type: CLOCK, id: MONOTONIC, ns: 1_000n });
  await settle();
  expect(guest.clock.armed).toBe(1);
  guest.scope.close("deadline");
  await expect(pending).rejects.toBeInstanceOf(HostClosedError);
  expect(guest.clock.armed).toBe(0);
});
