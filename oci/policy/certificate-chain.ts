import { X509Certificate } from "node:crypto";

/** Certificates between a signer's and the policy's. */
const MAX_INTERMEDIATES = 4;

/** Returns the certificates of a text in PEM; throws where one of them is none. */
export function readCertificates(pem: string): X509Certificate[] {
  const texts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return texts.map((text) => new X509Certificate(text));
}

/**
 * Returns, of the certificates that a signer brings, those that lead from its own to one that the policy trusts, in DER;
 * none where they do not lead there. They are never trusted themselves: each is signed by the next, and the last by the
 * policy's, so that whoever verifies the whole ends at a root of the policy.
 */
export function chainTowards(
  trusted: readonly Uint8Array[],
  signer: X509Certificate,
  brought: readonly X509Certificate[],
): Uint8Array[] {
  const authorities = trusted.map((der) => new X509Certificate(der));
  const chain: X509Certificate[] = [];
  for (let current = signer; !authorities.some((authority) => hasIssued(authority, current));) {
    const next = brought.find((one) => one.ca && !chain.includes(one) && !isRoot(one) && hasIssued(one, current));
    if (next === undefined || chain.length >= MAX_INTERMEDIATES) return [];
    chain.push(next);
    current = next;
  }
  return chain.map(({ raw }) => raw);
}

function isRoot(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer;
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
