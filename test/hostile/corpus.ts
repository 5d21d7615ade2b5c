import { CLIENT_KINDS } from "./clients.ts";
import { CPU_KINDS } from "./cpu.ts";
import { FILE_KINDS } from "./files.ts";
import { GC_KINDS } from "./gc.ts";
import { HTTP_KINDS } from "./http.ts";
import { JCO_KINDS } from "./jco.ts";
import type { HostileKind } from "./kinds.ts";
import { LOG_KINDS } from "./logs.ts";
import { MEMORY_KINDS } from "./memory.ts";
import { RECURSION_KINDS } from "./recursion.ts";
import { SOCKET_KINDS } from "./sockets.ts";
import { START_KINDS } from "./start.ts";

/** Every kind of hostile guest or client, by what it is about. */
export const CORPUS = {
  cpu: CPU_KINDS,
  recursion: RECURSION_KINDS,
  memory: MEMORY_KINDS,
  start: START_KINDS,
  http: HTTP_KINDS,
  files: FILE_KINDS,
  sockets: SOCKET_KINDS,
  logs: LOG_KINDS,
  clients: CLIENT_KINDS,
  jco: JCO_KINDS,
  // Last: they may take their cell with them.
  gc: GC_KINDS,
} as const satisfies Readonly<Record<string, readonly HostileKind[]>>;

/** The names of themes and kinds that `npm run hostile` takes. */
export function findKinds(names: readonly string[]): HostileKind[] {
  const all: HostileKind[] = Object.values(CORPUS).flat();
  if (names.length === 0) return all;
  const isWanted = (theme: string, { name }: HostileKind): boolean => names.includes(theme) || names.includes(name);
  const found = Object.entries(CORPUS).flatMap(([theme, kinds]) => kinds.filter((kind) => isWanted(theme, kind)));
  const known = new Set([...Object.keys(CORPUS), ...all.map(({ name }) => name)]);
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new TypeError(`expected a kind or one of ${Object.keys(CORPUS).join(", ")}, got ${unknown}`);
  }
  return found;
}
