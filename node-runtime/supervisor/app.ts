import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { WasmletError, messageOf } from "../../common/errors.ts";
import { fetchArtifact, readArtifactFile } from "../artifacts/artifact-bytes.ts";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import type { PreparedArtifact } from "../artifacts/prepared-artifact.ts";
import type { CellApp } from "../cell/protocol.ts";
import type { DesiredApp } from "./desired-state.ts";
import type { Preparer } from "./preparer.ts";

/** An artifact that is ready to be loaded, and the seconds that each phase took to get there. */
export interface ReadyArtifact {
  artifact: PreparedArtifact;
  /** Lets the store remove it. */
  release: () => void;
  phases: Record<"fetch" | "verify" | "prepare", number>;
}

/** Brings an app's artifact to this node and holds it there: fetch, verify, prepare. Throws ARTIFACT_* and PREPARE_* errors. */
export async function obtainArtifact(
  desired: DesiredApp,
  store: ArtifactStore,
  preparer: Preparer,
  signal: AbortSignal,
): Promise<ReadyArtifact> {
  const begin = performance.now();
  const { source } = desired;
  const bytes =
    source.kind === "file"
      ? readArtifactFile(source.path)
      : source.kind === "http"
        ? await fetchArtifact(source.url, source.sha256, signal)
        : source.bytes;
  const fetched = performance.now();
  const { digest, release } = store.hold(bytes);
  const verified = performance.now();
  const artifact = await preparer.prepare(digest).catch((thrown: unknown) => {
    release();
    throw thrown;
  });
  return {
    artifact,
    release,
    phases: {
      fetch: (fetched - begin) / 1000,
      verify: (verified - fetched) / 1000,
      prepare: (performance.now() - verified) / 1000,
    },
  };
}

/** Throws ARTIFACT_WRONG_WORLD when the artifact cannot serve the app's trigger. */
export function checkTrigger({ trigger }: DesiredApp, { triggers, exports }: PreparedArtifact): void {
  if (triggers.includes(trigger.kind)) return;
  const needed = trigger.kind === "http" ? "wasi:http/incoming-handler@0.2.x" : "wasi:cli/run@0.2.x or _start";
  throw new WasmletError("ARTIFACT_WRONG_WORLD", `spec.trigger.${trigger.kind} needs an export ${needed}`, {
    expected: needed,
    actual: exports.slice(0, 10).join(", ") || "no exports",
    ...(triggers[0] && { fix: `Use spec.trigger.${triggers[0]}, which this artifact can serve.` }),
  });
}

/** Returns the app as cells get it, its volumes laid out on disk. */
export function cellAppOf(
  desired: DesiredApp,
  revision: number,
  directory: string,
  listen: { host: string; port: number } | undefined,
  store: ArtifactStore,
): CellApp {
  return {
    id: desired.id,
    revision,
    directory,
    trigger: desired.trigger.kind,
    ...(listen && { listen }),
    args: desired.args,
    env: desired.env,
    preopens: desired.volumes.map((volume) => {
      const hostPath = store.volumeDirectory(desired.id, volume.name);
      layOut(hostPath, volume.entries);
      return { guestPath: volume.mountPath, hostPath, writable: volume.writable };
    }),
    allowedOutboundHosts: desired.allowedOutboundHosts,
    reuse: desired.reuse,
    maxMemoryBytes: desired.maxMemoryBytes,
    requestTimeoutMs: desired.requestTimeoutMs,
    concurrency: desired.concurrency,
    idleMs: desired.idleMs,
    stdio: "log",
  };
}

/** Writes a volume's files anew; an emptyDir keeps what it holds. */
function layOut(hostPath: string, entries: ReadonlyMap<string, Uint8Array> | undefined): void {
  try {
    if (entries !== undefined) rmSync(hostPath, { recursive: true, force: true });
    mkdirSync(hostPath, { recursive: true });
    for (const [path, bytes] of entries ?? []) {
      mkdirSync(dirname(join(hostPath, path)), { recursive: true });
      writeFileSync(join(hostPath, path), bytes, { mode: 0o600 });
    }
  } catch (cause) {
    throw new WasmletError("RUNTIME_FOLDER", `a volume cannot be laid out: ${messageOf(cause)}`, {
      where: hostPath,
      cause,
    });
  }
}
