import { copyFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { messageOf, WasmletError } from "../common/errors.ts";
import type { FoundArtifact, PullContext } from "../oci/pull.ts";
import { pushWasm, type PushedArtifact, type PushOptions } from "../oci/push.ts";
import { parseReference } from "../oci/reference.ts";
import { RegistryClient } from "../oci/registry/client.ts";
import { readArtifactFile } from "./artifacts/artifact-bytes.ts";
import { ArtifactStore } from "./artifacts/artifact-store.ts";
import { withArtifacts, type HeldPrograms, type RegistrySettings } from "./artifacts/oci-artifacts.ts";
import { inspectFile } from "./inspect.ts";

/** Where what is pulled is kept, and how registries are reached. */
interface RegistryCommandOptions {
  cacheDirectory: string;
  cacheMaxBytes?: number;
  registries: RegistrySettings;
}

/** What was pulled. */
export interface PulledArtifact {
  found: FoundArtifact;
  /** Digest and size of its program; a Spin application may have several. */
  programs: { digest: string; bytes: number }[];
}

/** How an artifact is pulled. */
export interface PullCommandOptions extends RegistryCommandOptions {
  /** Where the program is copied to. */
  file?: string | undefined;
  onProgress: NonNullable<PullContext["onProgress"]>;
}

/** Brings an artifact and its program into the store, asking its registry. Throws OCI_* errors and CLI_FILE_UNREADABLE. */
export async function pullArtifact(
  image: string,
  { cacheDirectory, cacheMaxBytes, registries, file, onProgress }: PullCommandOptions,
): Promise<PulledArtifact> {
  const store = new ArtifactStore(cacheDirectory, cacheMaxBytes === undefined ? {} : { maxBytes: cacheMaxBytes });
  return withArtifacts(store, registries, async (artifacts) => {
    const { artifact, programs, release } = await artifacts.obtain({ image, policy: "Always", onProgress });
    try {
      if (file !== undefined) copy(store.blobFile(onlyOne(programs, image).digest), file);
      return {
        found: artifact,
        programs: programs.map(({ digest }) => ({ digest, bytes: statSync(store.blobFile(digest)).size })),
      };
    } finally {
      release();
    }
  });
}

function onlyOne([program, ...others]: HeldPrograms["programs"], where: string): HeldPrograms["programs"][0] {
  if (others.length === 0) return program;
  throw new WasmletError("OCI_LAYOUT_UNKNOWN", "the Spin application has several components", {
    where,
    expected: "one program to write to a file",
    fix: "Pull it without --file.",
  });
}

function copy(program: string, file: string): void {
  try {
    copyFileSync(program, file);
  } catch (cause) {
    throw new WasmletError("CLI_FILE_UNREADABLE", `the program cannot be written: ${messageOf(cause)}`, {
      where: file,
      fix: "Check that its folder exists and that you may write there.",
      cause,
    });
  }
}

/** How a file is pushed. */
export interface PushCommandOptions extends RegistryCommandOptions {
  /** Whether the program has to be one that runs here. */
  isChecked: boolean;
  mountFrom?: string | undefined;
  annotations: Readonly<Record<string, string>>;
  onProgress: NonNullable<PushOptions["onProgress"]>;
}

/**
 * Pushes a `.wasm` file as the CNCF's artifact; the same file makes the same digest. Throws OCI_* errors and, where it is
 * checked, what preparing it throws.
 */
export async function pushFile(
  file: string,
  image: string,
  { cacheDirectory, cacheMaxBytes, registries, isChecked, mountFrom, annotations, onProgress }: PushCommandOptions,
): Promise<PushedArtifact> {
  const reference = parseReference(image);
  const wasm = readArtifactFile(file);
  const prepared = isChecked ? await inspectFile(file, cacheDirectory, cacheMaxBytes).catch(withAdvice) : undefined;
  const client = RegistryClient.create(registries);
  return pushWasm(client, reference, wasm, {
    created: statSync(file).mtime,
    title: basename(file),
    annotations,
    onProgress,
    ...(prepared?.kind === "component" && { component: { imports: prepared.imports, exports: prepared.exports } }),
    ...(mountFrom !== undefined && { mountFrom }),
  }).finally(() => client.close());
}

function withAdvice(thrown: unknown): never {
  if (!(thrown instanceof WasmletError)) throw thrown;
  const fix = `${thrown.fix} \`wasmlet push --no-check\` pushes it as it is.`;
  throw new WasmletError(thrown.code, thrown.message, { ...thrown.details, fix, cause: thrown });
}
