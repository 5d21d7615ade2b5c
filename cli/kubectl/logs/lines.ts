/** The longest line that is looked at, in bytes; the runtime writes shorter ones. */
const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** Splits what comes into lines; the last one counts without an end too, and one that is too long is left out. */
export async function* splitLines(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<string> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  const take = (piece: Uint8Array): void => {
    bytes += piece.length;
    if (bytes > maxBytes) pieces = [];
    else if (piece.length > 0) pieces.push(piece);
  };
  const end = (): string | undefined => {
    const line = bytes > maxBytes ? undefined : Buffer.concat(pieces).toString("utf8");
    [pieces, bytes] = [[], 0];
    return line;
  };
  for await (const chunk of body) {
    let start = 0;
    for (let newline = chunk.indexOf(NEWLINE); newline >= 0; newline = chunk.indexOf(NEWLINE, start)) {
      take(chunk.subarray(start, newline));
      const line = end();
      if (line !== undefined) yield line;
      start = newline + 1;
    }
    take(chunk.subarray(start));
  }
  const line = bytes === 0 ? undefined : end();
  if (line !== undefined) yield line;
}

/** Returns the last lines of what comes: so many, and of all together so many characters. */
export async function lastOf<T extends { message: string }>(
  lines: AsyncIterable<T>,
  count: number,
  maxLength: number,
): Promise<T[]> {
  const kept: T[] = [];
  let [first, length] = [0, 0];
  for await (const line of lines) {
    kept.push(line);
    length += line.message.length;
    while (kept.length - first > count || (length > maxLength && first < kept.length)) {
      length -= kept[first++]!.message.length;
    }
    // Taken out in bulk: from the front one by one costs the length of the list each time.
    if (first > 1024 && first * 2 > kept.length) {
      kept.splice(0, first);
      first = 0;
    }
  }
  return kept.slice(first);
}

/** Yields what several sources yield, in order where each of them is; holds one item of each. */
export async function* mergeSorted<T>(
  sources: readonly AsyncIterable<T>[],
  isBefore: (a: T, b: T) => boolean,
): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
  try {
    for (;;) {
      let first = -1;
      for (const [index, head] of heads.entries()) {
        if (head.done === true) continue;
        const best = first < 0 ? undefined : heads[first];
        if (best === undefined || isBefore(head.value, best.value as T)) first = index;
      }
      if (first < 0) return;
      yield heads[first]!.value as T;
      heads[first] = await iterators[first]!.next();
    }
  } finally {
    await Promise.allSettled(iterators.map(async (iterator) => iterator.return?.()));
  }
}
