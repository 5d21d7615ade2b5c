import type { Bundle } from "@sigstore/bundle";

/** A signature as cosign 2 leaves it: what was signed names the artifact. */
export interface SimpleSignature {
  payload: Uint8Array;
  signature: Uint8Array;
  /** The signer's certificate in PEM, where it is by one. */
  certificate?: string | undefined;
  /** Certificates in PEM that lead from it towards a root. */
  chain?: string | undefined;
  /** The entry of a transparency log, in JSON. */
  logEntry?: string | undefined;
  /** What an authority of RFC 3161 says of when it was signed, in JSON. */
  timestamp?: string | undefined;
}

/** A signature in a bundle of sigstore's, as cosign 3 leaves it. */
export interface BundledSignature {
  /** The artifact that it is for. */
  digest: string;
  /** The bytes that are signed. */
  payload: Uint8Array;
  signature: Uint8Array;
  bundle: Bundle;
}

export type Signature = SimpleSignature | BundledSignature;

/** Something in a signature's place that is none, and why. */
export interface UnreadableSignature {
  flaw: string;
}
