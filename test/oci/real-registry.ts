import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { dockerRegistry, goTool } from "./tools.ts";

/** A registry, started by a test. */
export interface RealRegistry extends AsyncDisposable {
  /** `ADDRESS:PORT`. */
  host: string;
  /** The certificate to trust, where it speaks TLS. */
  ca: string | undefined;
  /** A folder for the test's own files. */
  folder: string;
}

/** The user of a registry with passwords. */
export const USER = { username: "ada", password: "correct horse" } as const;
/** The password above, hashed with bcrypt as `htpasswd -B` does. */
const HTPASSWD = "ada:$2y$05$GXY4h7KuSBWHHLiWfi..XeEodR1zc4O1jsMK5nNnb9DVZtPaVTrai\n";

const LOOPBACK = "127.0.0.1";

/**
 * Starts Debian's docker-registry, or another program of its line, with a folder of its own, on a free port of an address of
 * this machine; `secured` means TLS and a password.
 */
export async function startRealRegistry({
  secured = false,
  address = LOOPBACK,
  program = dockerRegistry().path ?? "",
} = {}): Promise<RealRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-registry-"));
  const host = `${address}:${await findFreePort(address)}`;
  const tls = secured ? makeCertificate(folder, address) : undefined;
  const file = join(folder, "config.json");
  writeFileSync(join(folder, "htpasswd"), HTPASSWD);
  // JSON is YAML.
  writeFileSync(
    file,
    JSON.stringify({
      version: "0.1",
      log: { level: "info", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, "blobs") } },
      http: { addr: host, secret: "test", ...(tls !== undefined && { tls }) },
      ...(secured && { auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } } }),
    }),
  );
  const child = spawn(program, ["serve", file], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    if (line.includes("listening on")) break;
  }
  if (child.exitCode !== null) throw new Error(`${program} does not start:\n${lines.join("\n")}`);
  child.stderr.resume();
  return {
    host,
    ca: tls === undefined ? undefined : readFileSync(tls.certificate, "utf8"),
    folder,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts the third version of what Debian packages as its second. */
export function startNewRegistry(): Promise<RealRegistry> {
  return startRealRegistry({ program: goTool("registry").path ?? "" });
}

/** Starts the registry that comes with crane, which shares no code with docker-registry and keeps all in memory. */
export async function startCraneRegistry(): Promise<RealRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-registry-"));
  const host = `${LOOPBACK}:${await findFreePort(LOOPBACK)}`;
  const args = ["registry", "serve", "--address", host];
  const child = spawn(goTool("crane").path ?? "", args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  for await (const line of createInterface({ input: child.stderr })) if (line.includes("serving on")) break;
  child.stderr.resume();
  return {
    host,
    ca: undefined,
    folder,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function makeCertificate(folder: string, address: string): { certificate: string; key: string } {
  const certificate = join(folder, "registry.pem");
  const key = join(folder, "registry.key");
  const subject = ["-subj", `/CN=${address}`, "-addext", `subjectAltName=IP:${address}`];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", certificate], {
    stdio: "ignore",
  });
  return { certificate, key };
}

async function findFreePort(address: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
