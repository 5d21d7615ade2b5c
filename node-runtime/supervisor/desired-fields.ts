import { createHash } from "node:crypto";
import type { DesiredApp } from "./desired-state.ts";

/** What never changes while an app exists, and what does not ask for anything. */
type Unnamed = "id" | "namespace" | "name" | "revision" | "held";

/** Where in a manifest each part of a wish comes from. */
const FIELDS: Readonly<Record<Exclude<keyof DesiredApp, Unnamed>, string>> = {
  source: "source",
  trigger: "trigger",
  args: "trigger.command.args",
  env: "env",
  volumes: "files",
  allowedOutboundHosts: "network.allowedOutboundHosts",
  reuse: "isolation.reuse",
  cellGroup: "isolation.cell",
  port: "wasmlet.dev/port",
  maxMemoryBytes: "limits.memory",
  requestTimeoutMs: "limits.requestTimeoutSeconds",
  cpuTimeMs: "limits.cpuTimePerRequest",
  concurrency: "limits.concurrency",
  requestsPerSecond: "limits.requestsPerSecond",
  idleMs: "scale.idleSeconds",
  refusal: "what is refused",
};

/** Returns each part of a wish by its field of the manifest, as a text that changes when the wish does, bytes included. */
export function fieldsOf(desired: DesiredApp): Map<string, string> {
  const parts = Object.entries(FIELDS) as [keyof typeof FIELDS, string][];
  return new Map(parts.map(([part, field]) => [field, JSON.stringify(desired[part], digestBytes) ?? ""]));
}

/** Returns the fields that are not as they were. */
export function changedFields(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  return [...now].filter(([field, value]) => before.get(field) !== value).map(([field]) => field);
}

/** A Buffer has become a list of numbers by the time it gets here as a value: so bytes are taken from what holds them. */
function digestBytes(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const held = this[key];
  if (held instanceof Uint8Array) return createHash("sha256").update(held).digest("hex");
  return value instanceof Map ? [...value] : value;
}
