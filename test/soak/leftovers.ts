import { readFileSync } from "node:fs";
import { readResidentBytes } from "../../startup/process-stats.ts";
import { childrenOf, isAlive } from "../served-runtime.ts";
import { descriptorsOf } from "./tcp-table.ts";

const MIB = 1024 * 1024;
/**
 * What a supervisor may have resident more at the end: its collector leaves garbage lying as long as there is room, and V8
 * cannot be asked from outside to collect it. A leak of 1 KiB for each request of ten minutes is far above it.
 */
const MEMORY_TOLERANCE_BYTES = 64 * MIB;

/** What a supervisor has at one moment. */
export interface Holdings {
  descriptors: number;
  residentBytes: number;
  cells: number;
  preparers: number;
}

/** Returns what a supervisor has now. */
export function holdingsOf(pid: number): Holdings {
  const children = childrenOf(pid);
  return {
    descriptors: descriptorsOf(pid).length,
    residentBytes: readResidentBytes(pid) ?? 0,
    cells: children.filter(isCell).length,
    preparers: children.filter(isPreparer).length,
  };
}

/** Returns what is left behind, for people; nothing when all is as it was. */
export function compareHoldings(before: Holdings, after: Holdings): string[] {
  const left: string[] = [];
  for (const name of ["descriptors", "cells", "preparers"] as const) {
    if (after[name] !== before[name]) left.push(`${name}: ${before[name]} at the start, ${after[name]} at the end`);
  }
  const grown = after.residentBytes - before.residentBytes;
  if (grown > MEMORY_TOLERANCE_BYTES)
    left.push(`resident memory: ${Math.round(grown / MIB)} MiB more than at the start`);
  return left;
}

export function isCell(pid: number): boolean {
  return commandLineOf(pid).includes("/cell/main.ts");
}

export function isPreparer(pid: number): boolean {
  return commandLineOf(pid).includes("/prepare/main.ts");
}

/** Returns the processes of a stopped runtime that are still there, for people. */
export function findOrphans(pids: Iterable<number>): string[] {
  // Another process may have got the number meanwhile.
  return [...pids].filter((pid) => isAlive(pid) && (isCell(pid) || isPreparer(pid))).map((pid) => `process ${pid}`);
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it ended
  }
}
