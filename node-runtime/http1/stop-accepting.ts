import { Server } from "node:net";

/*
 * Closing a listener resets the connections that the kernel has made and nobody has accepted yet. Where others listen on the
 * same port, connections go on coming meanwhile, and so the moment is chosen in which none is waiting:
 *
 *   none came for a while, or the time for that is over  →  a turn of the event loop that found none and was short  →  close
 *
 * What is left is the time from the kernel's answer to the closing of the socket, some microseconds; with the sysctl
 * net.ipv4.tcp_migrate_req the kernel gives even those connections to the others.
 */

/** How long no connection must have come. */
const QUIET_MS = 50;
/** How long one that is never quiet goes on accepting: clients that never cease must not keep it from closing. */
const MAX_ACCEPT_MS = 500;
/** A turn of the event loop that took no longer asked the kernel just now. */
const SHORT_TURN_MS = 0.1;
/** How long a short turn is waited for. */
const MAX_TURNS_MS = 500;

/** Closes a listener to new connections, resetting none if it can; resolves then, while its connections live on. */
export async function stopAccepting(server: Server, onClosed: () => void): Promise<void> {
  let accepted = 0;
  const count = (): void => void accepted++;
  server.on("connection", count);
  await quiet(server);
  // Within that turn, and not after it.
  await new Promise<void>((resolve) => {
    inEmptyTurn(
      () => accepted,
      () => {
        // Not an http server's own way, which also ends connections that have sent nothing yet.
        Server.prototype.close.call(server, onClosed);
        resolve();
      },
    );
  });
  server.off("connection", count);
}

async function quiet(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const [pause, latest] = [setTimeout(resolve, QUIET_MS), setTimeout(resolve, MAX_ACCEPT_MS)];
  const note = (): void => void pause.refresh();
  server.on("connection", note);
  await promise;
  server.off("connection", note);
  clearTimeout(pause);
  clearTimeout(latest);
}

/** Calls `then` in a turn of the event loop in which nothing was accepted and little else done. */
function inEmptyTurn(accepted: () => number, then: () => void): void {
  const beginMs = performance.now();
  let [before, turnMs] = [accepted(), beginMs];
  const look = (): void => {
    const nowMs = performance.now();
    const isEmpty = accepted() === before && nowMs - turnMs < SHORT_TURN_MS;
    if (isEmpty || nowMs - beginMs > MAX_TURNS_MS) return then();
    [before, turnMs] = [accepted(), nowMs];
    setImmediate(look);
  };
  setImmediate(look);
}
