import { fstatSync, lutimesSync, utimesSync, type BigIntStats } from "node:fs";
import { datetimeOf, type Datetime } from "../clocks/imports.ts";
import { attempt, failure } from "./error-code.ts";
import { closeQuietly, pathOfChild, pathOfFd } from "./proc-fd.ts";
import { Walk } from "./resolver.ts";
import type { DescriptorStat, DescriptorType, NewTimestamp } from "./types.ts";

const NS_PER_S = 1_000_000_000;

/** Node hands it to libuv as UTIME_OMIT: the timestamp stays as it is. */
const UNCHANGED = new Date(Number.NaN);

/** What tells kinds of objects apart, in `stat` and in directory entries. */
type KindOfObject = Pick<
  BigIntStats,
  "isFile" | "isDirectory" | "isSymbolicLink" | "isFIFO" | "isSocket" | "isBlockDevice" | "isCharacterDevice"
>;

/** Returns the WASI type of an object. */
export function typeOf(kind: KindOfObject): DescriptorType {
  if (kind.isFile()) return "regular-file";
  if (kind.isDirectory()) return "directory";
  if (kind.isSymbolicLink()) return "symbolic-link";
  if (kind.isFIFO()) return "fifo";
  if (kind.isSocket()) return "socket";
  if (kind.isBlockDevice()) return "block-device";
  if (kind.isCharacterDevice()) return "character-device";
  return "unknown";
}

/** Returns the WIT record of a host's `stat`. A time before 1970 cannot be told and is left out. */
export function statRecordOf(stats: BigIntStats): DescriptorStat {
  return {
    type: typeOf(stats),
    linkCount: stats.nlink,
    size: stats.size,
    dataAccessTimestamp: timestampOf(stats.atimeNs),
    dataModificationTimestamp: timestampOf(stats.mtimeNs),
    statusChangeTimestamp: timestampOf(stats.ctimeNs),
  };
}

function timestampOf(ns: bigint): Datetime | undefined {
  return ns < 0n ? undefined : datetimeOf(ns);
}

/** Returns the host's `stat` of the object behind `fd`. */
export function statFd(fd: number): BigIntStats {
  return attempt(() => fstatSync(fd, { bigint: true }));
}

/** Returns the host's `stat` of the object at `path` below the directory behind `rootFd`. */
export function statPath(rootFd: number, path: string, follow: boolean): BigIntStats {
  using walk = new Walk(rootFd, path);
  const found = walk.find(follow);
  if (found === undefined) throw failure("no-entry");
  closeQuietly(found.fd);
  return found.stats;
}

/** Sets the times of the object behind `fd`, precise to a microsecond. */
export function setTimesOfFd(fd: number, access: NewTimestamp, modification: NewTimestamp): void {
  attempt(() => utimesSync(pathOfFd(fd), hostTimeOf(access), hostTimeOf(modification)));
}

/** Sets the times of the object at `path` below the directory behind `rootFd`; of a link itself unless `follow`. */
export function setTimesOfPath(
  rootFd: number,
  path: string,
  follow: boolean,
  access: NewTimestamp,
  modification: NewTimestamp,
): void {
  using walk = new Walk(rootFd, path);
  const found = walk.find(follow);
  if (found === undefined) throw failure("no-entry");
  try {
    if (!found.stats.isSymbolicLink()) return setTimesOfFd(found.fd, access, modification);
    // A link is always the last name of its path.
    const link = pathOfChild(walk.directoryFd, walk.lastName()!);
    attempt(() => lutimesSync(link, hostTimeOf(access), hostTimeOf(modification)));
  } finally {
    closeQuietly(found.fd);
  }
}

function hostTimeOf(timestamp: NewTimestamp): Date | number {
  if (timestamp.tag === "no-change") return UNCHANGED;
  if (timestamp.tag === "now") return Date.now() / 1000;
  const { seconds, nanoseconds } = timestamp.val;
  if (nanoseconds >= NS_PER_S) throw failure("invalid");
  if (seconds > BigInt(Number.MAX_SAFE_INTEGER)) throw failure("overflow");
  return Number(seconds) + nanoseconds / NS_PER_S;
}
