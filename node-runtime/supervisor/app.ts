import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { WasmletError, messageOf } from "../../common/errors.ts";
import { fetchArtifact, readArtifactFile } from "../artifacts/artifact-bytes.ts";
import type { ArtifactStore, HeldArtifact } from "../artifacts/artifact-store.ts";
import type { ArtifactProgram } from "../artifacts/artifact-programs.ts";
import type { HeldPrograms, OciArtifacts } from "../artifacts/oci-artifacts.ts";
import type { PreparedArtifact } from "../artifacts/prepared-artifact.ts";
import type { CellApp, CellProgram } from "../cell/protocol.ts";
import type { SpinApplication } from "../../oci/layouts/contents.ts";
import type { ArtifactSource, DesiredApp, Volume } from "./desired-state.ts";
import type { Preparer } from "./preparer.ts";
import { filledComponent, isVariableSetting, routesOf, valuesOf } from "./spin-application.ts";

/** A program that is ready to be loaded. */
export interface ReadyProgram {
  artifact: PreparedArtifact;
  /** What the artifact that it came in says about running it. */
  defaults: ProgramDefaults;
}

/** An artifact that is ready to be loaded, and the seconds that each phase took to get there. */
export interface ReadyArtifact {
  programs: [ReadyProgram, ...ReadyProgram[]];
  spin?: SpinApplication;
  /** What the user should know of how it was obtained. */
  warning?: string;
  /** Lets the store remove it. */
  release: () => void;
  phases: Record<"fetch" | "verify" | "prepare", number>;
}

/** What obtaining an artifact needs. */
export interface ObtainContext {
  store: ArtifactStore;
  preparer: Preparer;
  /** Artifacts in registries. */
  artifacts: OciArtifacts;
}

/** Arguments, environment and files that an artifact brings; what the manifest says comes before them. */
type ProgramDefaults = Omit<ArtifactProgram, "digest">;

const NO_DEFAULTS: ProgramDefaults = { args: [], defaultArgs: [], env: [], files: new Map() };
/** The volumes of files that came with an artifact, with the program's index; no volume of a manifest can be called that. */
const ARTIFACT_VOLUME = "artifact.files";

/** Brings an app's artifact to this node and holds it there: fetch, verify, prepare. Throws ARTIFACT_*, OCI_* and PREPARE_* errors. */
export async function obtainArtifact(
  { id, source }: DesiredApp,
  { store, preparer, artifacts }: ObtainContext,
  signal: AbortSignal,
): Promise<ReadyArtifact> {
  const begin = performance.now();
  const obtained =
    source.kind === "oci" ? await artifacts.obtain({ ...source, app: id }, signal) : await bytesOf(source, signal);
  const fetched = performance.now();
  const held = obtained instanceof Uint8Array ? onlyProgram(store.hold(obtained)) : obtained;
  const { programs, spin, warning, release } = held;
  const verified = performance.now();
  // At once, so that the preparer may work at several; the first failure is told, and the others are not left behind.
  const prepared = await Promise.all(programs.map(({ digest }) => preparer.prepare(digest, signal))).catch(
    (thrown: unknown) => {
      release();
      throw thrown;
    },
  );
  const [first, ...others] = programs.map((defaults, index): ReadyProgram => {
    return { artifact: prepared[index]!, defaults };
  });
  return {
    programs: [first!, ...others],
    ...(spin !== undefined && { spin }),
    release,
    ...(warning !== undefined && { warning }),
    phases: {
      fetch: (fetched - begin) / 1000,
      verify: (verified - fetched) / 1000,
      prepare: (performance.now() - verified) / 1000,
    },
  };
}

function onlyProgram({ digest, release }: HeldArtifact): Omit<HeldPrograms, "artifact"> {
  return { programs: [{ digest, ...NO_DEFAULTS }], release };
}

async function bytesOf(source: Exclude<ArtifactSource, { kind: "oci" }>, signal: AbortSignal): Promise<Uint8Array> {
  if (source.kind === "file") return readArtifactFile(source.path);
  return source.kind === "http" ? fetchArtifact(source.url, source.sha256, signal) : source.bytes;
}

/** Throws ARTIFACT_IMPORT_NOT_OFFERED when an artifact imports what only components of Spin applications are offered. */
export function checkImports({ spinImports: foreign = [] }: PreparedArtifact, isComponent: boolean): void {
  if (isComponent || foreign.length === 0) return;
  throw new WasmletError(
    "ARTIFACT_IMPORT_NOT_OFFERED",
    `imports ${foreign.join(", ")}, which only components of Spin applications are offered`,
    {
      actual: foreign.join(", "),
      fix: "Push it with `spin registry push`: the variables are declared in the application's lock file.",
    },
  );
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

/**
 * Returns the app as cells get it, its volumes laid out on disk. Throws APP_VARIABLE_MISSING when a Spin application's
 * variable has no value.
 */
export function cellAppOf(
  desired: DesiredApp,
  revision: number,
  { programs, spin }: Pick<ReadyArtifact, "programs" | "spin">,
  listen: { host: string; port: number } | undefined,
  store: ArtifactStore,
): CellApp {
  const values = spin && valuesOf(spin.variables, desired.env);
  const names = programs.map(({ defaults }) => defaults.component?.name);
  return {
    id: desired.id,
    revision,
    trigger: desired.trigger.kind,
    ...(listen && { listen }),
    programs: programs.map((program, index) => cellProgramOf(desired, program, index, store, values)),
    ...(spin && { routes: routesOf(spin.triggers, names) }),
    allowedOutboundHosts: desired.allowedOutboundHosts,
    reuse: desired.reuse,
    maxMemoryBytes: desired.maxMemoryBytes,
    requestTimeoutMs: desired.requestTimeoutMs,
    concurrency: desired.concurrency,
    ...(desired.cpuTimeMs !== undefined && { cpuTimeMs: desired.cpuTimeMs }),
    ...(desired.requestsPerSecond !== undefined && { requestsPerSecond: desired.requestsPerSecond }),
    idleMs: desired.idleMs,
    stdio: "log",
  };
}

function cellProgramOf(
  desired: DesiredApp,
  { artifact, defaults }: ReadyProgram,
  index: number,
  store: ArtifactStore,
  values: ReadonlyMap<string, string> | undefined,
): CellProgram {
  const { args, env, volumes } = withDefaults(desired, defaults, `${ARTIFACT_VOLUME}.${index}`);
  const { component } = defaults;
  return {
    directory: store.preparedDirectory(artifact.digest),
    args,
    env: component === undefined ? env : env.filter(([name]) => !isVariableSetting(name)),
    preopens: volumes.map((volume) => {
      const hostPath = store.volumeDirectory(desired.id, volume.name, volume.isSecret);
      layOut(hostPath, volume.entries);
      const bounds = volume.entries === undefined ? boundsOf(volume) : undefined;
      return Object.assign({ guestPath: volume.mountPath, hostPath, writable: volume.writable }, bounds && { bounds });
    }),
    ...(component && values && { component: filledComponent(component, values) }),
  };
}

function boundsOf({ maxBytes }: { maxBytes?: number }): { maxBytes?: number } {
  return maxBytes === undefined ? {} : { maxBytes };
}

/** The manifest's arguments replace those that an image has to be replaced, and its variables those of the same name. */
function withDefaults(
  { args: [name = "", ...own], env, volumes }: DesiredApp,
  { args, defaultArgs, env: ofArtifact, files }: ProgramDefaults,
  volumeName: string,
): Pick<DesiredApp, "args" | "env" | "volumes"> {
  const brought: Volume[] =
    files.size === 0 ? [] : [{ name: volumeName, mountPath: "/", writable: false, entries: files }];
  return {
    args: [name, ...args, ...(own.length > 0 ? own : defaultArgs)],
    env: [...new Map([...ofArtifact, ...env])],
    volumes: [...brought, ...volumes],
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
