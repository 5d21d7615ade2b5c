import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ArtifactStore } from "../../node-runtime/artifacts/artifact-store.ts";
import { withArtifacts } from "../../node-runtime/artifacts/oci-artifacts.ts";
import { WasmletError } from "../../common/errors.ts";
import { Secret } from "../../common/secret.ts";

/*
 * Pulls an image into a store and prints, as JSON, the memory of this process before it and at its peak (proc(5), VmHWM), in
 * bytes, and what came of it: `node measured-pull.ts FOLDER IMAGE`.
 */

const [folder = "", image = ""] = process.argv.slice(2);
const password = new Secret("correct horse");
const credentials = { kind: "password", username: "ada", password } as const;

// What loading took is over, and is no part of the peak.
await sleep(200);
writeFileSync("/proc/self/clear_refs", "5");
const idle = memoryOf("VmRSS");
const outcome = await withArtifacts(
  new ArtifactStore(folder),
  { credentials: () => Promise.resolve(credentials) },
  (artifacts) =>
    artifacts.obtain({ image }).then(
      ({ programs: [{ digest }] }) => digest,
      (thrown: unknown) => (thrown instanceof WasmletError ? thrown.code : String(thrown)),
    ),
);
process.stdout.write(JSON.stringify({ idle, peak: memoryOf("VmHWM"), outcome }));

function memoryOf(field: string): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  return Number(line?.[1]) * 1024;
}
