/*
 * Regular expressions of the WasmApp schema. One string is judged by three engines: RE2 in the API server, JavaScript in
 * standalone mode (with the `u` flag), and an editor's. So: no look-around, no back-references, no `\d` or `\s`, and no
 * nested repetition that a back-tracking engine could blow up on.
 */

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const QUALIFIED_NAME = "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?";

/** A name that may also name a Service: RFC 1035 label. */
export const SERVICE_NAME = "^[a-z]([-a-z0-9]*[a-z0-9])?$";
/** An RFC 1123 label, as a namespace has. */
export const DNS_LABEL = `^${LABEL}$`;
/** An RFC 1123 subdomain, as most objects have for a name. */
export const DNS_SUBDOMAIN = `^${SUBDOMAIN}$`;
/** A label or annotation key: optional DNS prefix, slash, name. */
export const QUALIFIED_KEY = `^(${SUBDOMAIN}/)?${QUALIFIED_NAME}$`;
/** A label value, which may be empty. */
export const LABEL_VALUE = `^(${QUALIFIED_NAME})?$`;
/** A key in a ConfigMap or a Secret. */
export const CONFIG_KEY = "^[-._a-zA-Z0-9]+$";
/** The name of an environment variable. */
export const ENV_NAME = "^[-._a-zA-Z][-._a-zA-Z0-9]*$";
/** Lower-case SHA-256. */
export const SHA256 = "^[0-9a-f]{64}$";
/** An absolute http or https URL without credentials. */
export const HTTP_URL = "^https?://([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?(/[!-~]*)?$";
/** An IANA time zone name. */
export const TIME_ZONE = "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$";
/** The pod fields an environment variable may take its value from. */
export const ENV_FIELD_PATH = `^(metadata\\.(name|namespace)|metadata\\.(labels|annotations)\\['(${SUBDOMAIN}/)?${QUALIFIED_NAME}'\\]|spec\\.nodeName)$`;
/** A positive Kubernetes quantity without sign, exponent or milli suffixes. */
export const QUANTITY = "^(0\\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,14}(\\.[0-9]{1,6})?)(Ki|Mi|Gi|Ti|k|M|G|T)?$";
/** A Gateway API duration (GEP-2257) that may also carry microseconds. */
export const DURATION = "^([0-9]{1,5}(h|m|s|ms|us)){1,4}$";
/** A hostname as an HTTPRoute takes it: one leading `*.` is allowed. */
export const ROUTE_HOSTNAME = `^(\\*\\.)?${SUBDOMAIN}$`;
/** An absolute URL path without query. */
export const URL_PATH = '^/[!-"$->@-~]*$';

// One path segment that is neither `.` nor `..`, free of `/`, `:` and control characters.
const PATH_CHARACTER = "[^/:\\x00-\\x1f\\x7f]";
const PATH_SEGMENT = `(\\.{0,2}[^./:\\x00-\\x1f\\x7f]${PATH_CHARACTER}*|\\.{3}${PATH_CHARACTER}*)`;
/** An absolute, normal path in the guest: no `.`, `..`, empty segment or colon. */
export const GUEST_PATH = `^/(${PATH_SEGMENT}(/${PATH_SEGMENT})*)?$`;
/** The same, relative. */
export const RELATIVE_PATH = `^${PATH_SEGMENT}(/${PATH_SEGMENT})*$`;

const IMAGE_NAME = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*";
const REGISTRY =
  "([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*|\\[[0-9A-Fa-f:]+\\])";
/** An OCI reference: `[registry[:port]/]repository[:tag][@digest]`. */
export const IMAGE_REFERENCE = `^(${REGISTRY}(:[0-9]+)?/)?${IMAGE_NAME}(/${IMAGE_NAME})*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$`;

/** Returns one cron field: `*`, values, ranges and steps, in a comma-separated list. */
function cronField(value: string): string {
  const item = `(\\*|${value}(-${value})?)(/[1-9][0-9]?)?`;
  return `${item}(,${item})*`;
}

/** Returns a pattern of names in any letter case, without a flag that RE2 and JavaScript write differently. */
function anyCase(names: string): string {
  return names.replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`).replaceAll(" ", "|");
}

const CRON_FIELDS = [
  cronField("[0-5]?[0-9]"),
  cronField("([01]?[0-9]|2[0-3])"),
  cronField("(0?[1-9]|[12][0-9]|3[01])"),
  cronField(`(0?[1-9]|1[0-2]|${anyCase("jan feb mar apr may jun jul aug sep oct nov dec")})`),
  cronField(`([0-7]|${anyCase("sun mon tue wed thu fri sat")})`),
];
/** Five cron fields, or a macro such as `@hourly`. */
export const CRON_SCHEDULE = `^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|${CRON_FIELDS.join(" +")})$`;
