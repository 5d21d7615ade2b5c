/** The cases of wasi:http's `error-code`, each with its payload as component text. */
const CASES: readonly (readonly [name: string, payload?: string])[] = [
  ["DNS-timeout"],
  ["DNS-error", "$dns-error"],
  ["destination-not-found"],
  ["destination-unavailable"],
  ["destination-IP-prohibited"],
  ["destination-IP-unroutable"],
  ["connection-refused"],
  ["connection-terminated"],
  ["connection-timeout"],
  ["connection-read-timeout"],
  ["connection-write-timeout"],
  ["connection-limit-reached"],
  ["TLS-protocol-error"],
  ["TLS-certificate-error"],
  ["TLS-alert-received", "$tls-alert"],
  ["HTTP-request-denied"],
  ["HTTP-request-length-required"],
  ["HTTP-request-body-size", "(option u64)"],
  ["HTTP-request-method-invalid"],
  ["HTTP-request-URI-invalid"],
  ["HTTP-request-URI-too-long"],
  ["HTTP-request-header-section-size", "(option u32)"],
  ["HTTP-request-header-size", "(option $field-size)"],
  ["HTTP-request-trailer-section-size", "(option u32)"],
  ["HTTP-request-trailer-size", "$field-size"],
  ["HTTP-response-incomplete"],
  ["HTTP-response-header-section-size", "(option u32)"],
  ["HTTP-response-header-size", "$field-size"],
  ["HTTP-response-body-size", "(option u64)"],
  ["HTTP-response-trailer-section-size", "(option u32)"],
  ["HTTP-response-trailer-size", "$field-size"],
  ["HTTP-response-transfer-coding", "(option string)"],
  ["HTTP-response-content-coding", "(option string)"],
  ["HTTP-response-timeout"],
  ["HTTP-upgrade-failed"],
  ["HTTP-protocol-error"],
  ["loop-detected"],
  ["configuration-error"],
  ["internal-error", "(option string)"],
];

/** Component text, within the instance type of wasi:http/types, that exports the type `$error-code`. */
export const EXPORT_ERROR_CODE = `
      (type $dns-error' (record (field "rcode" (option string)) (field "info-code" (option u16))))
      (export "DNS-error-payload" (type $dns-error (eq $dns-error')))
      (type $tls-alert' (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
      (export "TLS-alert-received-payload" (type $tls-alert (eq $tls-alert')))
      (type $field-size' (record (field "field-name" (option string)) (field "field-size" (option u32))))
      (export "field-size-payload" (type $field-size (eq $field-size')))
      (type $error-code' (variant ${CASES.map(([name, payload = ""]) => `(case "${name}" ${payload})`).join(" ")}))
      (export "error-code" (type $error-code (eq $error-code')))`;

/** The core type of `[static]response-outparam.set`, and core text for the error of a response that is none. */
export const SET_PARAMS = "(param i32 i32 i32 i32 i64 i32 i32 i32 i32)";
export const NO_ERROR = "(i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)";
