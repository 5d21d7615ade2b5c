/**
 * What a cell's watchdog tells the supervisor, a line of JSON at a time over a descriptor of its own: the cell's thread may be
 * busy, and what was written stays readable however the process ends.
 *
 *   {"app":3,"loopMs":120,"hostMs":0,"isStuck":false}
 */
import * as v from "valibot";
import { finite, integer } from "../../common/shapes.ts";

/** The descriptor that a cell with the argument `BEATS` beats on. */
export const BEAT_FD = 4;
export const BEATS = "--beats";
/** Between two beats, and between two turns of an event loop that is watched. */
export const BEAT_MS = 100;

const Beat = v.object({
  /** The number of the app that has had the thread for a while; 0 when nobody has or that is not known. */
  app: integer(0),
  /** How long the event loop has not turned; time in which nothing ran at all does not count. */
  loopMs: finite(0),
  /** How much of that nobody's guest had the thread. */
  hostMs: finite(0),
  /** The cell ends itself at once, since nothing else stops that app's guest. */
  isStuck: v.boolean(),
});

/** What a watchdog sees. */
export type Beat = v.InferOutput<typeof Beat>;

/** Returns the beat of a line; undefined when it is none. */
export function readBeat(line: string): Beat | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return v.is(Beat, value) ? value : undefined;
  } catch {
    return undefined;
  }
}
