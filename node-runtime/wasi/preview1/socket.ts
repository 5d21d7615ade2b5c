import type { Body, Context } from "./context.ts";
import { ERRNO, ErrnoError } from "./errno.ts";

/** Returns the `sock_*` functions. Preview 1 cannot make a socket and none is handed to a guest: no descriptor is one. */
export function createSocketFunctions(context: Context): Record<string, Body> {
  const refuse = (fd: number): never => {
    context.fds.get(fd);
    throw new ErrnoError(ERRNO.NOTSOCK);
  };
  return { sock_accept: refuse, sock_recv: refuse, sock_send: refuse, sock_shutdown: refuse };
}
