import type { ByteReader } from "./byte-reader.ts";
import { NotLean } from "./not-lean.ts";

/** Reads the name of an import or export; throws NotLean when it carries attributes. */
export function readExternName(reader: ByteReader): string {
  const form = reader.byte();
  if (form !== 0x00 && form !== 0x01) throw new NotLean("it has imports or exports with attributes");
  return reader.name();
}
