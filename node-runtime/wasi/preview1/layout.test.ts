import { expect, test } from "vitest";
import { ERRNO, ErrnoError } from "./errno.ts";
import { GuestMemory } from "./guest-memory.ts";
import {
  encodeDirent,
  EVENT_SIZE,
  EVENTTYPE,
  FDSTAT_SIZE,
  FILESTAT_SIZE,
  readIovecs,
  readSubscription,
  SUBSCRIPTION_SIZE,
  writeEvent,
  writeFdstat,
  writeFilestat,
} from "./layout.ts";

function viewOf(size: number, filler = 0xee): DataView {
  return new DataView(new Uint8Array(size).fill(filler).buffer);
}

function hexOf(view: DataView): string {
  return Buffer.from(view.buffer).toString("hex");
}

test("layout: fdstat matches the specification byte by byte", () => {
  const view = viewOf(FDSTAT_SIZE);
  writeFdstat(view, { filetype: 4, flags: 0x0105, rights: 0x1122n, inheriting: 0x3344n });
  expect(hexOf(view)).toBe("040005010000000022110000000000004433000000000000");
});

test("layout: filestat matches the specification byte by byte", () => {
  const view = viewOf(FILESTAT_SIZE);
  writeFilestat(
    view,
    {
      type: "regular-file",
      linkCount: 2n,
      size: 3n,
      dataAccessTimestamp: { seconds: 1n, nanoseconds: 5 },
      dataModificationTimestamp: undefined,
      statusChangeTimestamp: { seconds: 0n, nanoseconds: 7 },
    },
    0x99n,
  );
  const words = Array.from({ length: 8 }, (_, index) => view.getBigUint64(index * 8, true));
  expect(words).toEqual([1n, 0x99n, 4n, 2n, 3n, 1_000_000_005n, 0n, 7n]);
});

test("layout: a dirent is followed by its name, counted in bytes", () => {
  const bytes = encodeDirent({ name: "ä", type: "symbolic-link", ino: 5n }, 9n);
  expect(Buffer.from(bytes).toString("hex")).toBe("090000000000000005000000000000000200000007000000c3a4");
});

test("layout: an event matches the specification byte by byte", () => {
  const view = viewOf(EVENT_SIZE);
  writeEvent(view, { userdata: 0xabn, error: ERRNO.BADF, type: EVENTTYPE.FD_WRITE, nbytes: 6n });
  expect(hexOf(view)).toBe("ab00000000000000080002000000000006000000000000000000000000000000");
});

test("layout: subscriptions are read by their tag", () => {
  const clock = viewOf(SUBSCRIPTION_SIZE, 0);
  clock.setBigUint64(0, 1n, true);
  clock.setUint32(16, 1, true);
  clock.setBigUint64(24, 500n, true);
  clock.setUint16(40, 1, true);
  expect(readSubscription(clock)).toEqual({ userdata: 1n, type: 0, clockId: 1, timeoutNs: 500n, absolute: true });
  const read = viewOf(SUBSCRIPTION_SIZE, 0);
  read.setUint8(8, EVENTTYPE.FD_READ);
  read.setUint32(16, 7, true);
  expect(readSubscription(read)).toEqual({ userdata: 0n, type: 1, fd: 7 });
  read.setUint8(8, 3);
  expect(() => readSubscription(read)).toThrow(new ErrnoError(ERRNO.INVAL));
});

test.each([
  ["a range that ends outside", [65_530, 7], 1, ERRNO.FAULT],
  ["more than 1024", [0, 0], 1025, ERRNO.INVAL],
  ["a negative count", [0, 0], -1, ERRNO.INVAL],
] as const)("layout: iovecs with %s are refused", (_what, [pointer, length], count, errno) => {
  const buffer = new ArrayBuffer(65_536);
  new DataView(buffer).setUint32(0, pointer, true);
  new DataView(buffer).setUint32(4, length, true);
  const memory = new GuestMemory(() => ({ buffer }));
  expect(() => readIovecs(memory, 0, count)).toThrow(new ErrnoError(errno));
});

test("layout: a list of iovecs that ends outside memory is a fault", () => {
  const memory = new GuestMemory(() => ({ buffer: new ArrayBuffer(65_536) }));
  expect(() => readIovecs(memory, 65_532, 1)).toThrow(new ErrnoError(ERRNO.FAULT));
  expect(readIovecs(memory, 65_536, 0)).toEqual([]);
});
