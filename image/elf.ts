/*
 * Programs and libraries of Linux, as far as it takes to see which libraries they are linked against.
 *
 *   header ──► program headers: LOAD (which bytes of the file are at which address), DYNAMIC (where the list is)
 *   DYNAMIC ─► pairs of tag and value: STRTAB is the address of the names, NEEDED an offset among them
 *
 * https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html
 */

const MAGIC = "\u007fELF";
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const SEGMENT_LOAD = 1;
const SEGMENT_DYNAMIC = 2;
const TAG_BYTES = 16;
const TAG_END = 0;
const TAG_NEEDED = 1;
const TAG_STRTAB = 5;

/** A part of the file, and the address that it is loaded to. */
interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

/** Returns the names of the libraries that a program or library is linked against; none of what is neither, or static. */
export function neededLibraries(file: Buffer): string[] {
  if (file.toString("latin1", 0, MAGIC.length) !== MAGIC) return [];
  if (file[4] !== CLASS_64 || file[5] !== LITTLE_ENDIAN) throw new Error("expected a file of 64 bits, little-endian");
  const segments = readSegments(file);
  const dynamic = segments.find(({ type }) => type === SEGMENT_DYNAMIC);
  if (dynamic === undefined) return [];
  const tags = readTags(file, dynamic);
  const names = tags.find(({ tag }) => tag === TAG_STRTAB)?.value ?? 0;
  const loaded = segments.find(
    ({ type, address, size }) => type === SEGMENT_LOAD && names >= address && names < address + size,
  );
  if (loaded === undefined) return [];
  const start = names - loaded.address + loaded.offset;
  return tags.filter(({ tag }) => tag === TAG_NEEDED).map(({ value }) => readName(file, start + value));
}

function readSegments(file: Buffer): Segment[] {
  const start = number64(file, 0x20);
  const size = file.readUInt16LE(0x36);
  return Array.from({ length: file.readUInt16LE(0x38) }, (_, index) => {
    const at = start + index * size;
    return {
      type: file.readUInt32LE(at),
      offset: number64(file, at + 8),
      address: number64(file, at + 16),
      size: number64(file, at + 32),
    };
  });
}

function readTags(file: Buffer, { offset, size }: Segment): { tag: number; value: number }[] {
  const tags: { tag: number; value: number }[] = [];
  for (let at = offset; at < offset + size; at += TAG_BYTES) {
    const tag = number64(file, at);
    if (tag === TAG_END) break;
    tags.push({ tag, value: number64(file, at + 8) });
  }
  return tags;
}

function readName(file: Buffer, start: number): string {
  return file.toString("latin1", start, file.indexOf(0, start));
}

function number64(file: Buffer, at: number): number {
  return Number(file.readBigUInt64LE(at));
}
