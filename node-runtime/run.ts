import { basename } from "node:path";
import { WasmletError } from "../common/errors.ts";
import { knownCode } from "../common/error-codes.ts";
import { readArtifactFile } from "./artifacts/artifact-bytes.ts";
import { ArtifactStore } from "./artifacts/artifact-store.ts";
import { withArtifacts } from "./artifacts/oci-artifacts.ts";
import type { RunOptions } from "./runtime-api.ts";
import { checkImports } from "./supervisor/app.ts";
import { CommandRun } from "./supervisor/command-run.ts";
import { Preparer } from "./supervisor/preparer.ts";

/** When the user is told that the artifact is being prepared. */
const PREPARING_NOTICE_MS = 1000;

/**
 * Runs a command with the caller's standard streams; returns its exit code. Throws ARTIFACT_*, OCI_*, PREPARE_* and GUEST_*
 * errors.
 */
export async function runFile(options: RunOptions): Promise<number> {
  const { cacheDirectory, cacheMaxBytes, file, registries } = options;
  const store = new ArtifactStore(cacheDirectory, cacheMaxBytes === undefined ? {} : { maxBytes: cacheMaxBytes });
  if (registries === undefined) {
    const { digest, release } = store.hold(readArtifactFile(file));
    return runHeld(store, digest, options).finally(release);
  }
  return withArtifacts(store, registries, async (artifacts) => {
    const { programs, spin, release } = await artifacts.obtain({ image: file }, options.signal);
    if (spin !== undefined) {
      release();
      throw servesHttp(file);
    }
    const [{ digest, args, defaultArgs, env }] = programs;
    const merged = {
      ...options,
      args: [...args, ...(options.args.length > 0 ? options.args : defaultArgs)],
      env: [...new Map([...env, ...options.env])],
    };
    return runHeld(store, digest, merged).finally(release);
  });
}

function servesHttp(where: string): WasmletError {
  return new WasmletError("ARTIFACT_WRONG_WORLD", "the artifact is a Spin application, not a command", {
    where,
    expected: "a command",
    fix: "It serves HTTP: put it in a folder with a WasmApp and use `wasmlet serve DIR`.",
  });
}

async function runHeld(store: ArtifactStore, digest: string, options: RunOptions): Promise<number> {
  const notice = setTimeout(() => options.onPreparing?.(), PREPARING_NOTICE_MS);
  const artifact = await new Preparer(store).prepare(digest).finally(() => clearTimeout(notice));
  checkImports(artifact, false);
  if (!artifact.triggers.includes("command")) {
    throw new WasmletError(
      "ARTIFACT_WRONG_WORLD",
      "the artifact is not a command: it exports neither wasi:cli/run nor _start",
      {
        where: options.file,
        expected: "wasi:cli/run@0.2.x or _start",
        actual: artifact.exports.slice(0, 10).join(", ") || "no exports",
        ...(artifact.triggers.includes("http") && {
          fix: "It serves HTTP: put it in a folder with a WasmApp and use `wasmlet serve DIR`.",
        }),
      },
    );
  }
  const run = new CommandRun(
    {
      id: "run/command",
      revision: 1,
      trigger: "command",
      programs: [
        {
          directory: store.preparedDirectory(digest),
          args: [basename(options.file), ...options.args],
          env: options.env,
          preopens: options.preopens,
        },
      ],
      allowedOutboundHosts: options.allowedOutboundHosts,
      reuse: "Request",
      maxMemoryBytes: options.maxMemoryBytes,
      requestTimeoutMs: 1,
      concurrency: 1,
      idleMs: 0,
      stdio: "inherit",
    },
    { logs: () => {}, stats: () => {} },
  );
  options.signal?.addEventListener("abort", () => run.kill(), { once: true });
  const { exitCode, error } = await run.outcome;
  if (error !== undefined && options.signal?.aborted !== true) {
    const code = knownCode(error.code, "GUEST_TRAPPED");
    throw new WasmletError(code, error.message, { where: options.file });
  }
  return exitCode;
}
