import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { API_SERVICE_ADDRESS, CLUSTER_DOMAIN, HOST_ADDRESS, NODES } from "./addresses.ts";

/*
 * The certificates of a cluster, by a CA that lives as long as the cluster. A client's common name is its user, its
 * organisation its group.
 */

const run = promisify(execFile);
const DAYS = "30";
const AUTHORITY = ["-CA", "ca.pem", "-CAkey", "ca.key"];

const API_SERVER_NAMES = [
  "DNS:localhost",
  "DNS:kubernetes",
  "DNS:kubernetes.default",
  "DNS:kubernetes.default.svc",
  `DNS:kubernetes.default.svc.${CLUSTER_DOMAIN}`,
  "IP:127.0.0.1",
  `IP:${API_SERVICE_ADDRESS}`,
  `IP:${HOST_ADDRESS}`,
].join(",");

/** The certificates by the name of their file. */
const CERTIFICATES: readonly [name: string, subject: string, alternativeNames?: string][] = [
  ["apiserver", "/CN=kube-apiserver", API_SERVER_NAMES],
  ["apiserver-kubelet", "/O=system:masters/CN=kube-apiserver"],
  ["admin", "/O=system:masters/CN=admin"],
  ["kube-proxy", "/CN=system:kube-proxy"],
  ...NODES.map(({ name }): [string, string] => [name, `/O=system:nodes/CN=system:node:${name}`]),
];

/** Makes the CA, all certificates and the key of service accounts, in `folder`/pki. */
export async function makeCertificates(folder: string): Promise<void> {
  const pki = join(folder, "pki");
  mkdirSync(pki, { recursive: true });
  const authority = ["-subj", "/CN=wasmlet-test", "-addext", "keyUsage=critical,keyCertSign,cRLSign"];
  await openssl(pki, "req", "-x509", ...newKey("ca"), ...authority, "-out", "ca.pem");
  await Promise.all([
    openssl(pki, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "service-account.key"),
    ...CERTIFICATES.map(async ([name, subject, alternativeNames]) =>
      openssl(
        pki,
        "req",
        "-x509",
        ...newKey(name),
        ...AUTHORITY,
        "-subj",
        subject,
        ...extension("basicConstraints=critical,CA:FALSE"),
        ...extension(`extendedKeyUsage=${alternativeNames === undefined ? "clientAuth" : "serverAuth"}`),
        ...(alternativeNames === undefined ? [] : extension(`subjectAltName=${alternativeNames}`)),
        "-out",
        `${name}.pem`,
      ),
    ),
  ]);
}

function extension(text: string): string[] {
  return ["-addext", text];
}

function newKey(name: string): string[] {
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", DAYS];
  return [...kind, "-keyout", `${name}.key`];
}

async function openssl(folder: string, ...args: string[]): Promise<void> {
  await run("openssl", args, { cwd: folder });
}
