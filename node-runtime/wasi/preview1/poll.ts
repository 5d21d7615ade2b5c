import { pollableAt } from "../clocks/imports.ts";
import { ALWAYS_READY, poll, Pollable } from "../io/pollable.ts";
import { readClock } from "./clock.ts";
import type { Body, Context } from "./context.ts";
import { ERRNO, ErrnoError, errnoOf, type Errno } from "./errno.ts";
import { EVENT_SIZE, EVENTTYPE, readSubscription, SUBSCRIPTION_SIZE, writeEvent, type Subscription } from "./layout.ts";

/** Subscriptions of one call; each may hold a timer. */
const MAX_SUBSCRIPTIONS = 1024;

/** A subscription and what it waits for; one that is wrong is ready at once, with its error. */
interface Watch {
  subscription: Subscription;
  pollable: Pollable;
  error: Errno;
}

/** Returns `poll_oneoff`. */
export function createPollFunctions(context: Context): Record<string, Body> {
  const { host, memory } = context;
  return {
    async poll_oneoff(subscriptions: number, events: number, count: number, result: number) {
      const length = count >>> 0;
      if (length === 0 || length > MAX_SUBSCRIPTIONS) throw new ErrnoError(ERRNO.INVAL);
      memory.check(events, length * EVENT_SIZE);
      memory.check(result, 4);
      memory.check(subscriptions, length * SUBSCRIPTION_SIZE);
      const watches = Array.from({ length }, (_, index) =>
        watch(
          context,
          readSubscription(memory.struct((subscriptions >>> 0) + index * SUBSCRIPTION_SIZE, SUBSCRIPTION_SIZE)),
        ),
      );
      const pollables = watches.map(({ pollable }) => pollable);
      // A guest that only looks must not keep out what it looks for.
      if (pollables.some((pollable) => pollable.ready())) await context.yieldTurn();
      const ready = await context.resume(poll(host.scope, pollables));
      for (const [position, index] of ready.entries()) {
        tell(context, (events >>> 0) + position * EVENT_SIZE, watches[index]!);
      }
      memory.writeU32(result, ready.length);
    },
  };
}

function watch(context: Context, subscription: Subscription): Watch {
  try {
    return { subscription, pollable: pollableOf(context, subscription), error: ERRNO.SUCCESS };
  } catch (thrown) {
    return { subscription, pollable: alwaysReady(context), error: errnoOf(thrown) };
  }
}

function pollableOf(context: Context, subscription: Subscription): Pollable {
  const { host } = context;
  if (subscription.type === EVENTTYPE.CLOCK) {
    const { clockId, timeoutNs, absolute } = subscription;
    const nowNs = readClock(host, clockId);
    const waitNs = absolute ? timeoutNs - nowNs : timeoutNs;
    return pollableAt(host.scope, host.clock, host.clock.monotonicNs() + waitNs);
  }
  const entry = context.fds.get(subscription.fd);
  const streamKind = subscription.type === EVENTTYPE.FD_READ ? "input" : "output";
  if (entry.kind === "file") return alwaysReady(context);
  if (entry.kind === streamKind) return entry.stream.subscribe();
  throw new ErrnoError(ERRNO.BADF);
}

function tell(context: Context, pointer: number, { subscription, error }: Watch): void {
  const { userdata, type } = subscription;
  const nbytes = error === ERRNO.SUCCESS ? readableBytes(context, subscription) : 0n;
  writeEvent(context.memory.struct(pointer, EVENT_SIZE), { userdata, error, type, nbytes });
}

/** What is left of a file; of a stream only that there is something. */
function readableBytes(context: Context, subscription: Subscription): bigint {
  if (subscription.type === EVENTTYPE.CLOCK) return 0n;
  const entry = context.fds.get(subscription.fd);
  if (entry.kind !== "file" || subscription.type === EVENTTYPE.FD_WRITE) return 1n;
  const left = entry.descriptor.stat().size - entry.position;
  return left > 0n ? left : 0n;
}

function alwaysReady({ host }: Context): Pollable {
  return new Pollable(host.scope, ALWAYS_READY);
}
