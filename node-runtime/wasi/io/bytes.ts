/**
 * Returns a copy of bytes that somebody else goes on using: the engine hands out views of the guest's memory, which the
 * guest overwrites next. Small copies share Node.js' pool: a buffer of its own costs more than the copying.
 */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = Buffer.allocUnsafe(bytes.length);
  copy.set(bytes);
  // Not the Buffer itself, whose `slice` makes views.
  return new Uint8Array(copy.buffer, copy.byteOffset, copy.length);
}
