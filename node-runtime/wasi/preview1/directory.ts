import type { Body, Context } from "./context.ts";
import { DirectoryListing } from "./directory-listing.ts";

/** Entries looked up between two turns of the event loop: each costs a few system calls. */
const ENTRIES_PER_TURN = 64;

/** Returns `fd_readdir`. */
export function createDirectoryFunctions(context: Context): Record<string, Body> {
  const { memory } = context;
  return {
    async fd_readdir(fd: number, pointer: number, length: number, cookie: bigint, result: number) {
      const directory = context.fds.directory(fd);
      const { byteLength: room } = memory.bytes(pointer, length);
      memory.check(result, 4);
      directory.listing ??= new DirectoryListing(directory.descriptor);
      const used = await fill(context, directory.listing, pointer >>> 0, room, BigInt.asUintN(64, cookie));
      memory.writeU32(result, used);
    },
  };
}

/** Writes entries from `start` on until `room` is full, the last one cut off where it does not fit; returns the size. */
async function fill(
  context: Context,
  listing: DirectoryListing,
  pointer: number,
  room: number,
  start: bigint,
): Promise<number> {
  const { memory } = context;
  let count = 0;
  const pace = async (): Promise<void> => {
    count += 1;
    if (count % ENTRIES_PER_TURN === 0) await context.yieldTurn();
  };
  listing.seek(start);
  for (; listing.next < start; await pace()) {
    if (!listing.skip()) return 0;
  }
  let used = 0;
  for (let cookie = start; used < room; cookie += 1n, await pace()) {
    const entry = listing.at(cookie);
    if (entry === undefined) break;
    const part = entry.subarray(0, room - used);
    memory.write(pointer + used, part);
    used += part.length;
  }
  return used;
}
