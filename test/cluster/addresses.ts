/*
 * Where everything is. The nodes hang on a bridge of this machine: the first node is the machine's own network, so that tests
 * reach pods and Services; the second has a network of its own behind a cable.
 *
 *   this machine = node1   10.250.0.1 ── bridge ── cable ── 10.250.0.2   node2
 *     pods 10.244.1.0/24                                      pods 10.244.2.0/24
 *   Services 10.96.0.0/16, the cluster's DNS 10.96.0.10
 */

/** The bridge, and the cable to the second node as it is seen from this machine. */
export const BRIDGE = "wasmlet0";

/** This machine on the bridge: the first node, the API server and CoreDNS. */
export const HOST_ADDRESS = "10.250.0.1";
export const POD_RANGE = "10.244.0.0/16";
export const SERVICE_RANGE = "10.96.0.0/16";
export const API_SERVICE_ADDRESS = "10.96.0.1";
export const DNS_SERVICE_ADDRESS = "10.96.0.10";
export const CLUSTER_DOMAIN = "cluster.local";
export const PREFIX_LENGTH = 24;

/** What is known of a node before it is there. */
export interface NodePlan {
  name: string;
  address: string;
  podRange: string;
  /** Whether it has a network of its own: this machine's end of the cable to it. */
  cable?: string;
}

/** The nodes of a full cluster. */
export const NODES: readonly NodePlan[] = [
  { name: "node1", address: HOST_ADDRESS, podRange: "10.244.1.0/24" },
  { name: "node2", address: "10.250.0.2", podRange: "10.244.2.0/24", cable: "wasmlet-node2" },
];

/** The folder of a node in every hierarchy of cgroups. */
export function cgroupOf(node: string): string {
  return `/wasmlet-${node}`;
}
