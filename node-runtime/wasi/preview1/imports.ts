import { createClockFunctions } from "./clock.ts";
import { Context, type Body } from "./context.ts";
import { createDirectoryFunctions } from "./directory.ts";
import { ERRNO, errnoOf, type Errno } from "./errno.ts";
import { createFdIoFunctions } from "./fd-io.ts";
import { createFdStateFunctions } from "./fd-state.ts";
import { GuestMemory, type LinearMemory } from "./guest-memory.ts";
import type { Preview1Host } from "./host-parts.ts";
import { createPathFunctions } from "./path.ts";
import { createPollFunctions } from "./poll.ts";
import { createProcessFunctions } from "./process.ts";
import { createSocketFunctions } from "./socket.ts";

/** A function as a core module imports it: wasm values in, errno out. A promise only where it has to wait. */
type Preview1Function = (...args: never[]) => Errno | Promise<Errno>;

/** The module `wasi_snapshot_preview1` of one instance. */
export interface Preview1Imports {
  imports: Record<string, Preview1Function>;
  /** The functions that may return a promise: to be wrapped with `WebAssembly.Suspending`. */
  waiting: readonly string[];
}

/** The preview 1 functions that may wait. */
const WAITING_PREVIEW1_FUNCTIONS: readonly string[] = [
  "fd_datasync",
  "fd_pread",
  "fd_pwrite",
  "fd_read",
  "fd_readdir",
  "fd_sync",
  "fd_write",
  "poll_oneoff",
  "random_get",
  "sched_yield",
];

/**
 * Returns WASI preview 1 over `host`: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md. `memory` is
 * asked at every call, so it may be the instance's own export. `proc_exit` throws GuestExit through the guest.
 */
export function createPreview1Imports(host: Preview1Host, memory: () => LinearMemory): Preview1Imports {
  const context = new Context(host, new GuestMemory(memory));
  const bodies: Record<string, Body> = {
    ...createProcessFunctions(context),
    ...createClockFunctions(context),
    ...createFdIoFunctions(context),
    ...createFdStateFunctions(context),
    ...createDirectoryFunctions(context),
    ...createPathFunctions(context),
    ...createPollFunctions(context),
    ...createSocketFunctions(context),
  };
  const imports = Object.fromEntries(Object.entries(bodies).map(([name, body]) => [name, answerWithErrno(body)]));
  return { imports, waiting: WAITING_PREVIEW1_FUNCTIONS };
}

function answerWithErrno(body: Body): Preview1Function {
  return (...args) => {
    try {
      const pending = body(...args);
      return pending === undefined ? ERRNO.SUCCESS : pending.then(() => ERRNO.SUCCESS, errnoOf);
    } catch (thrown) {
      return errnoOf(thrown);
    }
  };
}
