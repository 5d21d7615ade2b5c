import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SimpleSignature } from "./signature.ts";

/*
 * Certificates and signatures by them, made by openssl for a test: as cosign's, without its services.
 */

/** Something that signs: its certificate in PEM, and its key. */
export interface TestSigner {
  certificate: string;
  key: KeyObject;
}

/** What a certificate says, as lines of openssl's configuration. */
export const CODE_SIGNING = ["keyUsage=critical,digitalSignature", "extendedKeyUsage=codeSigning"];
export const TIMESTAMPING = ["keyUsage=critical,digitalSignature", "extendedKeyUsage=critical,timeStamping"];
/** What an authority's certificate says. */
export const CA = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign", "subjectKeyIdentifier=hash"];
/** Sigstore's extension for who vouches for an identity (fulcio, docs/oid-info.md). */
export const issuedBy = (issuer: string): string => `1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:${issuer}`;

/** Makes certificates in a folder that `remove` takes away. */
export class TestAuthority {
  readonly #folder = mkdtempSync(join(tmpdir(), "wasmlet-certificates-"));
  #count = 0;

  /** Returns a root, or what one signs, valid for so many days from now on. */
  issue(extensions: readonly string[], by?: TestSigner, days = 1): TestSigner {
    const name = join(this.#folder, String(this.#count++));
    const config = ["[req]", "distinguished_name=dn", "[dn]", "[ext]", ...extensions];
    writeFileSync(`${name}.cnf`, config.join("\n"));
    const options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-config", `${name}.cnf`];
    const subject = ["-subj", `/CN=${this.#count}`, "-extensions", "ext", "-days", String(days)];
    this.#run(
      "req",
      "-x509",
      ...options,
      ...subject,
      ...this.#signedBy(by),
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
    );
    return {
      certificate: readFileSync(`${name}.pem`, "utf8"),
      key: createPrivateKey(readFileSync(`${name}.key`)),
    };
  }

  /** Returns what an authority of RFC 3161 says of bytes that it sees now. */
  timestamp(bytes: Uint8Array, signer: TestSigner): Buffer {
    const name = join(this.#folder, String(this.#count++));
    writeFileSync(`${name}.data`, bytes);
    this.#run("ts", "-query", "-data", `${name}.data`, "-sha256", "-cert", "-out", `${name}.query`);
    return this.replyTo(readFileSync(`${name}.query`), signer);
  }

  /** Answers a query of RFC 3161. */
  replyTo(query: Uint8Array, { certificate, key }: TestSigner): Buffer {
    const name = join(this.#folder, String(this.#count++));
    writeFileSync(`${name}.query`, query);
    writeFileSync(`${name}.pem`, certificate);
    writeFileSync(`${name}.key`, key.export({ type: "pkcs8", format: "pem" }));
    const settings = ["digests=sha256,sha384,sha512", "default_policy=1.2.3.4", "signer_digest=sha256"];
    const config = ["[tsa]", "default_tsa=ours", "[ours]", "ess_cert_id_alg=sha256", `serial=${name}.serial`];
    writeFileSync(`${name}.cnf`, [...config, ...settings].join("\n"));
    const signer = ["-signer", `${name}.pem`, "-inkey", `${name}.key`, "-config", `${name}.cnf`];
    this.#run("ts", "-reply", "-queryfile", `${name}.query`, ...signer, "-out", `${name}.reply`);
    return readFileSync(`${name}.reply`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #signedBy(by: TestSigner | undefined): string[] {
    if (by === undefined) return [];
    const [certificate, key] = [join(this.#folder, "by.pem"), join(this.#folder, "by.key")];
    writeFileSync(certificate, by.certificate);
    writeFileSync(key, by.key.export({ type: "pkcs8", format: "pem" }));
    return ["-CA", certificate, "-CAkey", key];
  }

  #run(...args: string[]): void {
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  }
}

/** Returns a signature of an artifact, as cosign makes it. */
export function signArtifact(digest: string, { key, certificate }: TestSigner): SimpleSignature {
  const critical = { type: "cosign container image signature", image: { "docker-manifest-digest": digest } };
  const payload = Buffer.from(JSON.stringify({ critical }));
  return { payload, signature: sign("sha256", payload, key), certificate };
}

/** Returns what a transparency log says of a signature that it saw at a time. */
export function enterIntoLog({ payload, signature }: SimpleSignature, log: KeyObject, time: Date): string {
  const body = {
    apiVersion: "0.0.1",
    kind: "hashedrekord",
    spec: {
      data: { hash: { algorithm: "sha256", value: createHash("sha256").update(payload).digest("hex") } },
      signature: { content: Buffer.from(signature).toString("base64") },
    },
  };
  const logKey = createPublicKey(log).export({ type: "spki", format: "der" });
  // In the order of RFC 8785, which is what is signed.
  const entry = {
    body: Buffer.from(JSON.stringify(body)).toString("base64"),
    integratedTime: time.getTime() / 1000,
    logID: createHash("sha256").update(logKey).digest("hex"),
    logIndex: 1,
  };
  const promise = sign("sha256", Buffer.from(JSON.stringify(entry)), log).toString("base64");
  return JSON.stringify({ SignedEntryTimestamp: promise, Payload: entry });
}
