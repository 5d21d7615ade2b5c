import { systemCodeOf } from "../../../common/errors.ts";
import { WasiError } from "../errors.ts";
import type { IoError } from "../io/error.ts";
import { EgressDenied, LookupFailed } from "../sockets/egress-errors.ts";

/** The WIT record `DNS-error-payload`. */
interface DnsErrorPayload {
  rcode?: string;
  infoCode?: number;
}

/** The WIT record `TLS-alert-received-payload`. */
interface TlsAlertReceivedPayload {
  alertId?: number;
  alertMessage?: string;
}

/** The WIT record `field-size-payload`. */
interface FieldSizePayload {
  fieldName?: string;
  fieldSize?: number;
}

/** The cases of `error-code` that carry nothing. */
type PlainErrorTag =
  | "DNS-timeout"
  | "destination-not-found"
  | "destination-unavailable"
  | "destination-IP-prohibited"
  | "destination-IP-unroutable"
  | "connection-refused"
  | "connection-terminated"
  | "connection-timeout"
  | "connection-read-timeout"
  | "connection-write-timeout"
  | "connection-limit-reached"
  | "TLS-protocol-error"
  | "TLS-certificate-error"
  | "HTTP-request-denied"
  | "HTTP-request-length-required"
  | "HTTP-request-method-invalid"
  | "HTTP-request-URI-invalid"
  | "HTTP-request-URI-too-long"
  | "HTTP-response-incomplete"
  | "HTTP-response-timeout"
  | "HTTP-upgrade-failed"
  | "HTTP-protocol-error"
  | "loop-detected"
  | "configuration-error";

/** The WIT variant `wasi:http/types.error-code`. */
export type ErrorCode =
  | { tag: PlainErrorTag }
  | { tag: "DNS-error"; val: DnsErrorPayload }
  | { tag: "TLS-alert-received"; val: TlsAlertReceivedPayload }
  | { tag: "HTTP-request-body-size" | "HTTP-response-body-size"; val: bigint | undefined }
  | {
      tag:
        | "HTTP-request-header-section-size"
        | "HTTP-request-trailer-section-size"
        | "HTTP-response-header-section-size"
        | "HTTP-response-trailer-section-size";
      val: number | undefined;
    }
  | { tag: "HTTP-request-header-size"; val: FieldSizePayload | undefined }
  | {
      tag: "HTTP-request-trailer-size" | "HTTP-response-header-size" | "HTTP-response-trailer-size";
      val: FieldSizePayload;
    }
  | {
      tag: "HTTP-response-transfer-coding" | "HTTP-response-content-coding" | "internal-error";
      val: string | undefined;
    };

/** A failure that knows its WASI error code; bodies fail with it, so that `http-error-code` can tell it to the guest. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, cause?: unknown) {
    super(`HTTP failed: ${code.tag}`, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** JSON has no 64-bit integers, which some codes carry. */
  toJSON(): string {
    return this.message;
  }
}

/** The error half of a `result<_, error-code>`, without the 64-bit size of some codes in its message. */
export class HttpError extends WasiError<ErrorCode> {
  override readonly payload: ErrorCode;

  constructor(code: ErrorCode) {
    super({ tag: code.tag } as ErrorCode);
    this.payload = code;
  }
}

/** What Node.js calls it → what WASI calls it. */
const CODE_BY_SYSTEM_CODE: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ["ECONNREFUSED", { tag: "connection-refused" }],
  ["ECONNRESET", { tag: "connection-terminated" }],
  ["ECONNABORTED", { tag: "connection-terminated" }],
  ["EPIPE", { tag: "connection-terminated" }],
  ["ETIMEDOUT", { tag: "connection-timeout" }],
  ["ENETUNREACH", { tag: "destination-IP-unroutable" }],
  ["EHOSTUNREACH", { tag: "destination-IP-unroutable" }],
  ["EADDRNOTAVAIL", { tag: "destination-IP-unroutable" }],
  ["EMFILE", { tag: "connection-limit-reached" }],
  ["ENFILE", { tag: "connection-limit-reached" }],
  ["HPE_HEADER_OVERFLOW", { tag: "HTTP-response-header-section-size", val: undefined }],
  ["HPE_INVALID_TRANSFER_ENCODING", { tag: "HTTP-response-transfer-coding", val: undefined }],
  ["HPE_INVALID_EOF_STATE", { tag: "HTTP-response-incomplete" }],
]);

/** Certificate problems as OpenSSL and Node.js name them. */
const CERTIFICATE_CODE = /CERT|UNABLE_TO_|CRL_|INVALID_CA|HOSTNAME_MISMATCH|INVALID_PURPOSE/;

/** The alert number inside an OpenSSL message. */
const TLS_ALERT = /SSL alert number (\d+)/;

/** Returns the WASI error code of anything the host's network threw. */
export function errorCodeOf(thrown: unknown): ErrorCode {
  if (thrown instanceof HttpFailure) return thrown.code;
  if (thrown instanceof EgressDenied) {
    return { tag: thrown.reason === "address" ? "destination-IP-prohibited" : "HTTP-request-denied" };
  }
  if (thrown instanceof LookupFailed) return lookupErrorCode(thrown);
  const code = systemCodeOf(thrown);
  if (code === undefined) return { tag: "internal-error", val: undefined };
  const known = CODE_BY_SYSTEM_CODE.get(code);
  if (known !== undefined) return known;
  if (CERTIFICATE_CODE.test(code)) return { tag: "TLS-certificate-error" };
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") || code === "EPROTO") return tlsErrorCode(thrown);
  if (code.startsWith("HPE_") || code.startsWith("ERR_HTTP_")) return { tag: "HTTP-protocol-error" };
  return { tag: "internal-error", val: code };
}

/** `wasi:http/types.http-error-code`: the HTTP reason of a stream's failure, if it is one. */
export function httpErrorCode(error: IoError): ErrorCode | undefined {
  return error.cause instanceof HttpFailure ? error.cause.code : undefined;
}

function lookupErrorCode(failure: LookupFailed): ErrorCode {
  if (failure.reason === "timeout") return { tag: "DNS-timeout" };
  return { tag: "DNS-error", val: { rcode: failure.reason === "not-found" ? "NXDOMAIN" : "SERVFAIL" } };
}

function tlsErrorCode(thrown: unknown): ErrorCode {
  const alert = TLS_ALERT.exec(thrown instanceof Error ? thrown.message : "");
  if (alert === null) return { tag: "TLS-protocol-error" };
  return { tag: "TLS-alert-received", val: { alertId: Number(alert[1]) } };
}
