import { execFileSync } from "node:child_process";

/** A preparer for tests that may write no byte to any file, as on a disk that is full. */
execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=0"]);
await import("../prepare/main.ts");
