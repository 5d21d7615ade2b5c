import { readFileSync } from "node:fs";
import { compute } from "./compute.mjs";
import { report } from "./reach.mjs";

/** Returns the answer to a GET, or undefined for a path that is not there; the paths are those of startup/program. */
export function handle({ pathname, searchParams }) {
  if (pathname === "/") return "hello\n";
  if (pathname === "/compute") return `${compute(Number(searchParams.get("rounds") ?? 1))}\n`;
  if (pathname === "/memory") return `${proportionalBytes()}\n`;
  if (pathname === "/reach") return report(searchParams.get("port"));
  return undefined;
}

/** Its proportional set size: pages that several processes have count in parts. */
function proportionalBytes() {
  const [, kibibytes] = /^Pss:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/smaps_rollup", "utf8"));
  return Number(kibibytes) * 1024;
}
