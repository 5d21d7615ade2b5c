import type { Readable } from "node:stream";

/** What is kept of what a process prints. */
const MAX_KEPT_BYTES = 8 * 1024;
/** The most of it that is told. */
const MAX_TOLD_LENGTH = 300;

/** Keeps the end of what a child process prints on its standard error: why it died, if it was Node.js that ended it. */
export class LastWords {
  #kept = "";

  /** Reads the stream to its end; without one there are no words. */
  constructor(stream: Readable | null) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      this.#kept = (this.#kept + text).slice(-MAX_KEPT_BYTES);
    });
  }

  /** Returns the error that Node.js printed, in one line without control characters; empty when there is none. */
  get error(): string {
    const lines = this.#kept.split("\n");
    const line = lines.findLast((text) => /^(?:\w*Error|FATAL ERROR)\b/.test(text)) ?? "";
    return line.replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, " ").slice(0, MAX_TOLD_LENGTH);
  }
}
