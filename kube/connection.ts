import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import type { KubeConfig } from "@kubernetes/client-node";
import { messageOf } from "../common/errors.ts";
import { Secret } from "../common/secret.ts";
import { KubeError } from "./kube-error.ts";
import { SYSTEM_TIMING, type Timing } from "../common/timing.ts";

/** What a TLS connection to the API server needs. */
export type TlsOptions = Pick<ConnectionOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "servername">;

/** How to reach the API server. Certificates and tokens rotate: both are asked for whenever they are needed. */
export interface Connection {
  /** Its address, with a path where it stands behind a gateway. */
  server: URL;
  /** Returns what a new connection uses: the same object as long as nothing changed. */
  tls: () => Promise<TlsOptions>;
  /** Returns the token of the next request, or undefined where a certificate says who we are. */
  token: () => Promise<Secret | undefined>;
}

/** What a pod is given to reach the API server. */
export interface PodConnectionOptions {
  /** `KUBERNETES_SERVICE_HOST`. */
  host: string;
  /** `KUBERNETES_SERVICE_PORT`. */
  port: string;
  /** Where the ServiceAccount is mounted. */
  folder?: string;
  timing?: Timing;
}

const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The kubelet replaces a token when a fifth of its life is left, which is two minutes at the least. */
const FILE_LIFE_MS = 30_000;
const EXEC_LIFE_MS = 10_000;

/** Returns how a pod reaches the API server, by the token and the certificate of its ServiceAccount. */
export function connectFromPod(options: PodConnectionOptions): Connection {
  const { host, port, folder = SERVICE_ACCOUNT_FOLDER, timing = SYSTEM_TIMING } = options;
  const server = new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  const token = remembered(
    async () => new Secret((await readMounted(join(folder, "token"))).trim()),
    FILE_LIFE_MS,
    timing,
  );
  const tls = remembered(
    async () => ({ ca: await readMounted(join(folder, "ca.crt")) }),
    FILE_LIFE_MS,
    timing,
    sameTls,
  );
  return { server, token, tls };
}

/** How a context of a kubeconfig reaches the API server, and what namespace it is about. */
export interface KubeconfigConnection extends Connection {
  /** The namespace of the context; undefined where it names none. */
  namespace: string | undefined;
}

/**
 * Returns how the current context of kubeconfig files, or the one that is named, reaches the API server. What several files
 * have under one name counts as the first of them says, as with kubectl.
 */
export async function connectFromKubeconfig(
  files: string | readonly string[],
  options: { context?: string | undefined; timing?: Timing } = {},
): Promise<KubeconfigConnection> {
  const file = [files].flat().join(delimiter);
  const config = await readKubeconfig([files].flat());
  if (options.context !== undefined) {
    if (config.getContextObject(options.context) === null) throw invalid(file, `it has no context ${options.context}`);
    config.setCurrentContext(options.context);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null || !URL.canParse(cluster.server)) throw invalid(file, "its current context names no cluster");
  const { timing = SYSTEM_TIMING } = options;
  const credentials = remembered(() => credentialsOf(config, file), EXEC_LIFE_MS, timing);
  let tls: TlsOptions = {};
  return {
    server: new URL(cluster.server),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    token: async () => (await credentials()).token,
    tls: async () => {
      const { tls: current } = await credentials();
      return (tls = sameTls(tls, current) ? tls : current);
    },
  };
}

/** Returns the namespace that a pod is in, for who asks about no other. */
export async function readPodNamespace(folder = SERVICE_ACCOUNT_FOLDER): Promise<string> {
  return (await readMounted(join(folder, "namespace"))).trim();
}

async function readKubeconfig(files: readonly string[]): Promise<KubeConfig> {
  // It costs 600 ms and 90 MB: only those pay for it who have such a file.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const merged = new KubeConfig();
  for (const file of files) {
    const config = new KubeConfig();
    try {
      config.loadFromFile(file);
    } catch (thrown) {
      throw invalid(file, `it cannot be read: ${messageOf(thrown)}`);
    }
    for (const cluster of config.clusters) if (merged.getCluster(cluster.name) === null) merged.addCluster(cluster);
    for (const user of config.users) if (merged.getUser(user.name) === null) merged.addUser(user);
    for (const context of config.contexts) {
      if (merged.getContextObject(context.name) === null) merged.addContext(context);
    }
    merged.currentContext ||= config.currentContext;
  }
  return merged;
}

async function credentialsOf(
  config: { applyToHTTPSOptions: (options: object) => Promise<void> },
  file: string,
): Promise<{ tls: TlsOptions; token: Secret | undefined }> {
  const options: TlsOptions & { headers?: Record<string, string> } = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (thrown) {
    throw invalid(file, `its credentials cannot be had: ${messageOf(thrown)}`);
  }
  const { ca, cert, key, rejectUnauthorized, servername, headers } = options;
  const bearer = headers?.["Authorization"]?.replace(/^Bearer /, "");
  const tls = { ca, cert, key, rejectUnauthorized, servername };
  return {
    tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
    token: bearer === undefined ? undefined : new Secret(bearer),
  };
}

/** Returns a function that gives the same result for a while and reads once for all who ask; a failure is not remembered. */
function remembered<T>(
  read: () => Promise<T>,
  lifeMs: number,
  timing: Timing,
  isSame: (before: T, after: T) => boolean = () => false,
): () => Promise<T> {
  let last: { value: T; readMs: number } | undefined;
  let reading: Promise<T> | undefined;
  const readAgain = async (): Promise<T> => {
    try {
      const value = await read();
      last = { value: last !== undefined && isSame(last.value, value) ? last.value : value, readMs: timing.now() };
      return last.value;
    } finally {
      reading = undefined;
    }
  };
  return async () => {
    if (last !== undefined && timing.now() - last.readMs < lifeMs) return last.value;
    return (reading ??= readAgain());
  };
}

function sameTls(before: TlsOptions, after: TlsOptions): boolean {
  const text = ({ ca, cert, key, rejectUnauthorized, servername }: TlsOptions): string =>
    [ca, cert, key, rejectUnauthorized, servername].map(String).join("\n");
  return text(before) === text(after);
}

async function readMounted(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    throw invalid(file, `it cannot be read: ${messageOf(thrown)}`);
  }
}

function invalid(where: string, problem: string): KubeError {
  return new KubeError("KUBE_CONFIG_INVALID", `${where}: ${problem}`, { where });
}
