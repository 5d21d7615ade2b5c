import { Reader } from "../../node-runtime/wasm-binary/reader.ts";
import { Writer } from "../../node-runtime/wasm-binary/writer.ts";

/*
 * A module or a component as a tree of sections, so that a mutant can be damaged in one place and be whole elsewhere:
 *
 *   binary  := 8 bytes of magic and version, section*
 *   section := id:u8 size:u32 payload;   in a component, payloads of core modules (1) and components (4) are binaries
 */

const HEADER_BYTES = 8;
const CORE_MODULE_SECTION = 1;
const COMPONENT_SECTION = 4;
/** Components within components that are read as such. */
const MAX_DEPTH = 8;

/** A section of a binary. */
export interface Section {
  id: number;
  payload: Uint8Array | Binary;
  /** The size that it claims, where that is another than it has. */
  claimedSize?: number;
}

/** A core module or a component. */
export interface Binary {
  header: Uint8Array;
  sections: Section[];
}

/** Whether a binary is a component: the layer stands in bytes 6 and 7. */
export function isComponent({ header }: Binary): boolean {
  return header[6] === 1;
}

/** Returns the sections of a valid artifact. Throws RangeError for what is none. */
export function readBinary(bytes: Uint8Array, depth = 0): Binary {
  const binary: Binary = { header: bytes.subarray(0, HEADER_BYTES), sections: [] };
  const nests = isComponent(binary) && depth < MAX_DEPTH;
  const reader = new Reader(bytes, HEADER_BYTES);
  while (!reader.atEnd) {
    const id = reader.byte();
    const size = reader.u32();
    const start = reader.position;
    reader.skip(size);
    const payload = bytes.subarray(start, reader.position);
    const isBinary = nests && (id === CORE_MODULE_SECTION || id === COMPONENT_SECTION);
    binary.sections.push({ id, payload: isBinary ? readBinary(payload, depth + 1) : payload });
  }
  return binary;
}

/** Returns the bytes of a binary, with the sizes that its sections have, or claim. */
export function writeBinary({ header, sections }: Binary): Uint8Array {
  const out = new Writer(4096).raw(header);
  for (const { id, payload, claimedSize } of sections) {
    const bytes = payload instanceof Uint8Array ? payload : writeBinary(payload);
    out.byte(id);
    out.unsigned(claimedSize ?? bytes.length).raw(bytes);
  }
  return Uint8Array.from(out.done());
}

/** Returns a copy whose sections may be changed; payloads are shared, and to be replaced rather than written to. */
export function copyOf({ header, sections }: Binary): Binary {
  return {
    header,
    sections: sections.map((section) =>
      section.payload instanceof Uint8Array ? { ...section } : { ...section, payload: copyOf(section.payload) },
    ),
  };
}

/** Returns a binary and all within it. */
export function binariesIn(binary: Binary): Binary[] {
  const within = binary.sections.flatMap(({ payload }) => (payload instanceof Uint8Array ? [] : binariesIn(payload)));
  return [binary, ...within];
}
