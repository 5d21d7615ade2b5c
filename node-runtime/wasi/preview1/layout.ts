/**
 * The binary layouts of preview 1, little-endian, as offsets into one structure's `DataView`.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#types
 *
 *     iovec          0 buf:u32      4 len:u32                                                            size  8
 *     prestat        0 tag:u8       4 name_len:u32                                                       size  8
 *     fdstat         0 filetype:u8  2 flags:u16   8 rights_base:u64   16 rights_inheriting:u64           size 24
 *     dirent         0 next:u64     8 ino:u64    16 namlen:u32        20 type:u8   (the name follows)    size 24
 *     filestat       0 dev:u64      8 ino:u64    16 filetype:u8       24 nlink:u64
 *                   32 size:u64    40 atim:u64   48 mtim:u64          56 ctim:u64                        size 64
 *     subscription   0 userdata:u64 8 tag:u8     16 clock: id:u32, 24 timeout:u64, 40 flags:u16
 *                                                16 fd_read, fd_write: fd:u32                            size 48
 *     event          0 userdata:u64 8 error:u16  10 type:u8           16 nbytes:u64   24 flags:u16       size 32
 */
import type { DescriptorStat, DescriptorType } from "../filesystem/types.ts";
import type { Datetime } from "../clocks/imports.ts";
import { ERRNO, ErrnoError, type Errno } from "./errno.ts";
import type { GuestMemory } from "./guest-memory.ts";

export const PRESTAT_SIZE = 8;
export const FDSTAT_SIZE = 24;
const DIRENT_SIZE = 24;
export const FILESTAT_SIZE = 64;
export const SUBSCRIPTION_SIZE = 48;
export const EVENT_SIZE = 32;

const IOVEC_SIZE = 8;
/** As Linux's IOV_MAX. */
const MAX_IOVECS = 1024;
const NS_PER_S = 1_000_000_000n;
const UTF8 = new TextEncoder();

/** `filetype` values. */
export const FILETYPE = { UNKNOWN: 0, CHARACTER_DEVICE: 2, DIRECTORY: 3 } as const;

const FILETYPE_OF_DESCRIPTOR_TYPE = {
  unknown: 0,
  "block-device": 1,
  "character-device": 2,
  directory: 3,
  "regular-file": 4,
  socket: 6,
  "symbolic-link": 7,
  // Preview 1 has no value for it.
  fifo: 0,
} as const satisfies Record<DescriptorType, number>;

/** `eventtype` values: what a subscription waits for. */
export const EVENTTYPE = { CLOCK: 0, FD_READ: 1, FD_WRITE: 2 } as const;

/** Returns the `filetype` of a descriptor's type. */
export function filetypeOf(type: DescriptorType): number {
  return FILETYPE_OF_DESCRIPTOR_TYPE[type];
}

/** Reads a list of iovecs and returns the ranges' bytes. Fails with `fault` out of memory, `inval` beyond 1024. */
export function readIovecs(memory: GuestMemory, pointer: number, count: number): Uint8Array[] {
  const length = count >>> 0;
  if (length > MAX_IOVECS) throw new ErrnoError(ERRNO.INVAL);
  const list = memory.struct(pointer, length * IOVEC_SIZE);
  return Array.from({ length }, (_, index) =>
    memory.bytes(list.getUint32(index * IOVEC_SIZE, true), list.getUint32(index * IOVEC_SIZE + 4, true)),
  );
}

/** Stores the `prestat` of a preopened directory, the only kind there is. */
export function writePrestat(view: DataView, nameLength: number): void {
  view.setUint32(0, 0, true);
  view.setUint32(4, nameLength, true);
}

/** What `fd_fdstat_get` tells. */
export interface Fdstat {
  filetype: number;
  flags: number;
  rights: bigint;
  inheriting: bigint;
}

/** Stores an `fdstat`. */
export function writeFdstat(view: DataView, { filetype, flags, rights, inheriting }: Fdstat): void {
  view.setUint16(0, filetype, true);
  view.setUint16(2, flags, true);
  view.setUint32(4, 0, true);
  view.setBigUint64(8, rights, true);
  view.setBigUint64(16, inheriting, true);
}

/** Stores a `filestat`; `ino` names the object within the one device that a guest sees. */
export function writeFilestat(view: DataView, stat: DescriptorStat, ino: bigint): void {
  view.setBigUint64(0, 1n, true);
  view.setBigUint64(8, ino, true);
  view.setBigUint64(16, BigInt(filetypeOf(stat.type)), true);
  view.setBigUint64(24, stat.linkCount, true);
  view.setBigUint64(32, stat.size, true);
  view.setBigUint64(40, timestampOf(stat.dataAccessTimestamp), true);
  view.setBigUint64(48, timestampOf(stat.dataModificationTimestamp), true);
  view.setBigUint64(56, timestampOf(stat.statusChangeTimestamp), true);
}

/** One entry of a directory, as `fd_readdir` lists it. */
export interface Dirent {
  name: string;
  type: DescriptorType;
  ino: bigint;
}

/** Returns the `dirent` header and name of `entry`; `next` is the cookie of the entry after it. */
export function encodeDirent({ name, type, ino }: Dirent, next: bigint): Uint8Array {
  const encodedName = UTF8.encode(name);
  const bytes = new Uint8Array(DIRENT_SIZE + encodedName.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, next, true);
  view.setBigUint64(8, ino, true);
  view.setUint32(16, encodedName.length, true);
  view.setUint8(20, filetypeOf(type));
  bytes.set(encodedName, DIRENT_SIZE);
  return bytes;
}

/** One thing that `poll_oneoff` waits for. */
export type Subscription = { userdata: bigint } & (
  | { type: typeof EVENTTYPE.CLOCK; clockId: number; timeoutNs: bigint; absolute: boolean }
  | { type: typeof EVENTTYPE.FD_READ | typeof EVENTTYPE.FD_WRITE; fd: number }
);

/** Reads a `subscription`; fails with `inval` for a kind that does not exist. */
export function readSubscription(view: DataView): Subscription {
  const userdata = view.getBigUint64(0, true);
  const type = view.getUint8(8);
  switch (type) {
    case EVENTTYPE.CLOCK:
      return {
        userdata,
        type,
        clockId: view.getUint32(16, true),
        timeoutNs: view.getBigUint64(24, true),
        absolute: (view.getUint16(40, true) & 1) === 1,
      };
    case EVENTTYPE.FD_READ:
    case EVENTTYPE.FD_WRITE:
      return { userdata, type, fd: view.getUint32(16, true) };
    default:
      throw new ErrnoError(ERRNO.INVAL);
  }
}

/** What `poll_oneoff` tells of a subscription that is done. */
export interface PollEvent {
  userdata: bigint;
  error: Errno;
  type: number;
  /** For reading and writing: how many bytes can be had at once, as far as known. */
  nbytes: bigint;
}

/** Stores an `event`. */
export function writeEvent(view: DataView, { userdata, error, type, nbytes }: PollEvent): void {
  view.setBigUint64(0, userdata, true);
  view.setBigUint64(8, 0n, true);
  view.setUint16(8, error, true);
  view.setUint8(10, type);
  view.setBigUint64(16, nbytes, true);
  view.setBigUint64(24, 0n, true);
}

function timestampOf(datetime: Datetime | undefined): bigint {
  return datetime === undefined ? 0n : nanosecondsOf(datetime);
}

/** Returns a WIT `datetime` as a preview 1 `timestamp`, in nanoseconds. */
export function nanosecondsOf(datetime: Datetime): bigint {
  return datetime.seconds * NS_PER_S + BigInt(datetime.nanoseconds);
}
