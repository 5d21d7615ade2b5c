import { messageOf, systemCodeOf, WasmletError } from "../../common/errors.ts";
import { placeOf } from "./addresses.ts";
import { TransientError } from "./transient-error.ts";

/** What the network, a proxy or a server that starts does now and then. */
const TRANSIENT_CODES = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_SOCKET",
]);

/** What is wrong with certificates (Node.js, tls, "X509 certificate error codes"). */
const CERTIFICATE_CODE =
  /^(?:CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|ERR_TLS_CERT_ALTNAME_INVALID|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH)$/;

/** Returns the OCI_UNREACHABLE that a failed exchange is; an error of ours stays what it is. */
export function unreachable(thrown: unknown, url: URL): WasmletError {
  if (thrown instanceof WasmletError) return thrown;
  const details = { where: placeOf(url), cause: thrown };
  const code = systemCodeOf(thrown) ?? "";
  if (CERTIFICATE_CODE.test(code)) {
    // Node.js goes on with advice on how to start it.
    const [reason = ""] = reasonOf(thrown).split("; ");
    return new WasmletError("OCI_UNREACHABLE", `the registry's certificate is not trusted: ${reason}`, {
      ...details,
      fix: "If it is the registry's own, trust it or its authority with --registry-ca FILE; else check the name and the proxy.",
    });
  }
  const message = `the registry cannot be reached: ${reasonOf(thrown)}`;
  return TRANSIENT_CODES.has(code)
    ? new TransientError("OCI_UNREACHABLE", message, details)
    : new WasmletError("OCI_UNREACHABLE", message, details);
}

/** A failure to connect to each of several addresses has a code and no message. */
export function reasonOf(thrown: unknown): string {
  return messageOf(thrown) || systemCodeOf(thrown) || "no reason given";
}
