/** Returns parts of `length` bytes together as one piece; texts have one byte for each character. */
export function joinParts(parts: readonly (Uint8Array | string)[], length: number): Buffer {
  const joined = Buffer.allocUnsafe(length);
  let offset = 0;
  for (const part of parts) {
    if (typeof part === "string") joined.write(part, offset, "latin1");
    else joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
