/*
 * The syntax of one entry of `network.allowedOutboundHosts`:
 *
 *   [ scheme:// ] host [ :port | :* ]
 *   scheme = one whose port everybody knows: http, https, mqtt, mysql, postgres, redis
 *   host = name | *.name | * | IPv4[/bits] | IPv6[/bits] | [IPv6[/bits]]
 *
 * A bare IPv6 address takes no port: write `[fd00::1]:443`. `*` alone allows every host.
 */

const LABEL_REST = "([-A-Za-z0-9_]*[A-Za-z0-9_])?";
// The last label starts with a letter: `999.1.1.1` and `1.0x7f` are failed addresses, not names.
const NAME = `([A-Za-z0-9_]${LABEL_REST}\\.)*[A-Za-z_]${LABEL_REST}\\.?`;

const OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IPV4 = `${OCTET}(\\.${OCTET}){3}`;
const IPV4_BITS = "(/(3[0-2]|[12]?[0-9]))?";

const H16 = "[0-9A-Fa-f]{1,4}";
const LS32 = `(${H16}:${H16}|${IPV4})`;
// The nine forms of RFC 3986, section 3.2.2.
const IPV6 = `(${[
  `(${H16}:){6}${LS32}`,
  `::(${H16}:){5}${LS32}`,
  `(${H16})?::(${H16}:){4}${LS32}`,
  `((${H16}:){0,1}${H16})?::(${H16}:){3}${LS32}`,
  `((${H16}:){0,2}${H16})?::(${H16}:){2}${LS32}`,
  `((${H16}:){0,3}${H16})?::${H16}:${LS32}`,
  `((${H16}:){0,4}${H16})?::${LS32}`,
  `((${H16}:){0,5}${H16})?::${H16}`,
  `((${H16}:){0,6}${H16})?::`,
].join("|")})`;
const IPV6_BITS = "(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?";

const SCHEME = "((https?|mqtt|mysql|postgres|redis)://)?";
const PORT = "(:(\\*|6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?";

/** The pattern of one allowed outbound host. */
export const OUTBOUND_HOST = `^${SCHEME}((\\*|(\\*\\.)?${NAME}|${IPV4}${IPV4_BITS}|\\[${IPV6}${IPV6_BITS}\\])${PORT})$|^${IPV6}${IPV6_BITS}$`;
