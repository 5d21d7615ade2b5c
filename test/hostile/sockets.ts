import { RESULT, VALUE } from "./guest-text.ts";
import { PROBE, STOPPED, type HostileKind } from "./kinds.ts";
import { ask } from "./client.ts";

/** Guests that open connections: too many, to whom they must not, or to peers that are hostile too. */

const DENIED = { counter: "wasmlet_egress_denied_total" } as const;
const ANY = { network: { allowedOutboundHosts: ["127.0.0.1:*"] } };

/** Calls the host until it refuses, and answers with how often. */
function untilRefused(call: string): string {
  return `(loop $more ${call}
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $more (i32.eqz (i32.load8_u ${RESULT}))))
    (call $answer-number (local.get $out) (local.get $n))`;
}

/** Begins to connect the new socket in `$i` over the network in `$j` to an IPv4 address; the parameters are a flat `ip-socket-address`. */
const CONNECT = (address: readonly number[], port: number): string => `
  (call $tcp-create-socket.create-tcp-socket (i32.const 0) ${RESULT}) (local.set $i ${VALUE})
  (call $tcp-socket.start-connect (local.get $i) (local.get $j)
    (i32.const 0) (i32.const ${port}) ${address.map((part) => `(i32.const ${part})`).join(" ")}
    ${"(i32.const 0) ".repeat(6)} ${RESULT})`;

export const SOCKET_KINDS: readonly HostileKind[] = [
  {
    name: "sockets-tcp",
    tries: "makes TCP sockets and keeps them all",
    guest: { handle: untilRefused(`(call $tcp-create-socket.create-tcp-socket (i32.const 0) ${RESULT})`) },
    expected: /^(200 \d+|502 GUEST_TRAPPED)$/,
  },
  {
    name: "sockets-udp",
    tries: "makes UDP sockets and keeps them all",
    guest: { handle: untilRefused(`(call $udp-create-socket.create-udp-socket (i32.const 0) ${RESULT})`) },
    expected: /^(200 \d+|502 GUEST_TRAPPED)$/,
  },
  {
    name: "sockets-metadata",
    tries: "connects to the cloud's metadata service for ever",
    guest: {
      // One network for all of them: a new one each time would soon be more handles than it may have.
      handle: `(local.set $j (call $instance-network.instance-network))
        (loop $again ${CONNECT([169, 254, 169, 254], 80)}
        (call $tcp-socket.finish-connect (local.get $i) ${RESULT})
        (call $tcp-socket.drop (local.get $i)) (br $again))`,
    },
    ...STOPPED,
    ...DENIED,
  },
  {
    name: "sockets-loopback",
    tries: "connects to the node's own ports with the probe",
    guest: PROBE,
    attack: ({ url }) => ask(`${url}/tcp?addr=127.0.0.1:22`),
    expected: /^200 error: PermissionDenied/,
    ...DENIED,
  },
  {
    name: "sockets-any-host",
    tries: "is allowed every host and means this machine",
    guest: PROBE,
    spec: { network: { allowedOutboundHosts: ["*"] } },
    attack: ({ url, peers }) => ask(`${url}/fetch?url=http://127.0.0.1:${peers.silent}/`),
    expected: /^200 error: ErrorCode::DestinationIpProhibited/,
    ...DENIED,
  },
  {
    name: "sockets-resolve",
    tries: "has names looked up for ever",
    guest: {
      definitions: `(data (i32.const 1024) "localhost")`,
      handle: `(loop $again
        (call $ip-name-lookup.resolve-addresses (call $instance-network.instance-network)
          (i32.const 1024) (i32.const 9) ${RESULT})
        (br $again))`,
    },
    expected: /^(504 GUEST_TIMEOUT|502 GUEST_TRAPPED)$/,
    ...DENIED,
  },
  {
    name: "peer-silent",
    waits: true,
    tries: "calls a peer that accepts and never says anything",
    guest: PROBE,
    spec: ANY,
    attack: ({ url, peers }) => ask(`${url}/fetch?url=http://127.0.0.1:${peers.silent}/`),
    ...STOPPED,
  },
  {
    name: "peer-silent-tcp",
    waits: true,
    tries: "reads from a socket whose peer never says anything",
    guest: PROBE,
    spec: ANY,
    attack: ({ url, peers }) => ask(`${url}/tcp?addr=127.0.0.1:${peers.silent}&send=x`),
    ...STOPPED,
  },
  {
    name: "peer-endless",
    tries: "reads an answer without end, and keeps all of it",
    guest: PROBE,
    spec: ANY,
    attack: ({ url, peers }) => ask(`${url}/fetch?url=http://127.0.0.1:${peers.endless}/`),
    expected: /^50[24] GUEST_(TRAPPED|TIMEOUT)$/,
  },
  {
    name: "peer-endless-passed-on",
    tries: "passes an answer without end on to its client",
    guest: PROBE,
    spec: ANY,
    attack: ({ url, peers }) => ask(`${url}/fetch-stream?url=http://127.0.0.1:${peers.endless}/`),
    expected: "cut",
    limit: "request_timeout",
  },
  {
    name: "peer-head-huge",
    tries: "calls a peer whose answer is one header without end",
    guest: PROBE,
    spec: ANY,
    attack: ({ url, peers }) => ask(`${url}/fetch?url=http://127.0.0.1:${peers.headless}/`),
    expected: /^(200 error: ErrorCode::|504 GUEST_TIMEOUT)/,
  },
];
