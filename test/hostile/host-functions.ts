import { componentEmbed, print } from "@bytecodealliance/jco-transpile/wasm-tools";
import { wasiPackages } from "../../node-runtime/wasi/wit-fixture.ts";

/*
 * What a guest may import of WASI 0.2, as its core module sees it. wit-component writes a dummy module for a world that
 * imports everything; its text has the core type of each function.
 */

const WIT = `package wasmlet:hostile;
world server { include wasi:cli/imports@0.2.12; include wasi:http/proxy@0.2.12; }
${wasiPackages()}`;

/** The custom section of a core module that says which world it is for. */
const WORLD_SECTION = "component-type";

/** The core view of the world that hostile guests are built for. */
export interface HostFunctions {
  /** Text of the import of each host function by its short name: `fields.append`, `fields.new`, `fields.drop`, `poll.poll`. */
  readonly imports: ReadonlyMap<string, string>;
  /** The custom section to append to a core module, by the engine that is to bind the component. */
  readonly worldSections: Readonly<Record<"lean" | "jco", Uint8Array>>;
}

let known: Promise<HostFunctions> | undefined;

/** Returns what there is to import; asked for once. */
export function hostFunctions(): Promise<HostFunctions> {
  return (known ??= readHostFunctions());
}

async function readHostFunctions(): Promise<HostFunctions> {
  const dummy = await componentEmbed({ dummy: true, witSource: WIT, world: "server" });
  // The lean engine does not bind UTF-16.
  const utf16 = await componentEmbed({ dummy: true, witSource: WIT, world: "server", stringEncoding: "utf16" });
  const text = await print(dummy);
  const types = new Map(
    [...text.matchAll(/\(type \(;(\d+);\) \(func((?: \([^()]*\))*)\)\)/g)].map(([, index, type]) => [
      index,
      type ?? "",
    ]),
  );
  const imports = new Map<string, string>();
  for (const [, from = "", name = "", type] of text.matchAll(
    /\(import "([^"]+)" "([^"]+)" \(func \(;\d+;\) \(type (\d+)\)\)\)/g,
  )) {
    const short = shortName(from, name);
    imports.set(short, `(import "${from}" "${name}" (func $${short}${types.get(type)}))`);
  }
  return { imports, worldSections: { lean: worldSectionOf(dummy), jco: worldSectionOf(utf16) } };
}

function worldSectionOf(module: Uint8Array): Uint8Array {
  const [world] = WebAssembly.Module.customSections(new WebAssembly.Module(module), WORLD_SECTION);
  if (world === undefined) throw new Error(`the dummy module has no section ${WORLD_SECTION}`);
  return customSection(WORLD_SECTION, new Uint8Array(world));
}

/** `[method]fields.append` is `fields.append`; what belongs to no resource has its interface in front. */
function shortName(from: string, name: string): string {
  const constructed = /^\[constructor\](.+)$/.exec(name)?.[1];
  if (constructed !== undefined) return `${constructed}.new`;
  const dropped = /^(.+)_drop$/.exec(name)?.[1];
  if (dropped !== undefined) return `${dropped}.drop`;
  const method = /^\[(?:method|static)\](.+)$/.exec(name)?.[1];
  return method ?? `${/\/([^@]+)@/.exec(from)?.[1]}.${name}`;
}

function customSection(name: string, payload: Uint8Array): Uint8Array {
  const body = Buffer.concat([leb(name.length), Buffer.from(name), payload]);
  return Buffer.concat([Buffer.of(0), leb(body.length), body]);
}

function leb(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>>= 7) {
    if (left < 0x80) return Buffer.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}
