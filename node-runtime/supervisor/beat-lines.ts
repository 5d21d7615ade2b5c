import type { Readable } from "node:stream";
import { readBeat, type Beat } from "../cell/beat.ts";

/** The longest line that is kept; what a cell sends is not trusted. */
const MAX_LINE = 512;

/** Calls back with every beat that comes over a stream; lines that are none are dropped. */
export function readBeats(stream: Readable, onBeat: (beat: Beat) => void): void {
  let begun = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const lines = (begun + text).split("\n");
    begun = lines.pop()!.slice(-MAX_LINE);
    for (const line of lines) {
      const beat = line.length <= MAX_LINE ? readBeat(line) : undefined;
      if (beat !== undefined) onBeat(beat);
    }
  });
}
