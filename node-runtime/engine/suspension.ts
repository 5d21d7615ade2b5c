import type { Activity } from "../wasi/host.ts";

/**
 * Returns the promise for a `WebAssembly.Suspending` import to return, and marks its guest as waiting until the very
 * moment that it runs again. That is settled by the order of a promise's reactions: ours stands before V8's, which
 * resumes the guest, and nothing comes between them. When the host's own wait ended is too early to tell: other guests,
 * woken in the same turn of the event loop, may run first.
 */
export function suspendDuring<T>(activity: Pick<Activity, "suspend" | "resume">, promise: Promise<T>): Promise<T> {
  const resume = (): void => activity.resume();
  activity.suspend();
  promise.then(resume, resume);
  return promise;
}
