import { readFileSync, writeFileSync } from "node:fs";
import { BRIDGE, HOST_ADDRESS, NODES, POD_RANGE, PREFIX_LENGTH, SERVICE_RANGE, type NodePlan } from "./addresses.ts";
import { ClusterError } from "./errors.ts";
import { run } from "./processes.ts";

/*
 * The bridge that nodes hang on, and the settings of the kernel that a cluster changes.
 */

/** What kubelet, kube-proxy, the CNI plugins or we change of this machine. */
const CHANGED_SYSCTLS = [
  "kernel/panic",
  "kernel/panic_on_oops",
  "kernel/keys/root_maxbytes",
  "kernel/keys/root_maxkeys",
  "net/ipv4/ip_forward",
  "net/ipv4/conf/all/route_localnet",
  "net/ipv4/conf/default/route_localnet",
  "net/ipv4/conf/all/rp_filter",
  "net/ipv4/conf/default/rp_filter",
  "net/ipv4/conf/all/accept_redirects",
  "net/ipv4/conf/default/accept_redirects",
  "net/ipv4/neigh/default/retrans_time_ms",
  "net/ipv6/conf/all/forwarding",
  "net/netfilter/nf_conntrack_max",
  "net/netfilter/nf_conntrack_tcp_be_liberal",
  "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
  "net/netfilter/nf_conntrack_tcp_timeout_established",
  "vm/overcommit_memory",
] as const;

/** The tables of nftables that kube-proxy and the CNI plugins make. */
export const NFT_TABLES = ["ip kube-proxy", "ip6 kube-proxy", "inet cni_hostport", "inet cni_plugins_masquerade"];

/** Returns the settings of the kernel that a cluster changes. */
export function readSysctls(): Record<string, string> {
  const pairs = CHANGED_SYSCTLS.map((name) => [name, readSysctl(name)] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [(typeof pair)[0], string] => pair[1] !== undefined));
}

/** Gives settings of the kernel their values back. */
export function restoreSysctls(before: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(before)) if (readSysctl(name) !== value) writeSysctl(name, value);
}

/** Throws CLUSTER_ADDRESS_TAKEN where this machine's network uses the cluster's addresses already. */
export async function needFreeAddresses(): Promise<void> {
  const taken = (await Promise.all([HOST_ADDRESS, POD_RANGE, SERVICE_RANGE].map(routeTo))).filter(
    (text) => text !== "",
  );
  if (taken.length === 0) return;
  throw new ClusterError(
    "CLUSTER_ADDRESS_TAKEN",
    `this machine has a route to the cluster's addresses: ${taken.join("; ")}`,
    "Run `npm run cluster -- down` if a cluster was left, else remove the route.",
  );
}

/** Makes the bridge, and lets this machine forward between nodes. */
export async function makeBridge(): Promise<void> {
  await ip("link", "add", BRIDGE, "type", "bridge");
  await ip("address", "add", `${HOST_ADDRESS}/${PREFIX_LENGTH}`, "dev", BRIDGE);
  await ip("link", "set", BRIDGE, "up");
  writeSysctl("net/ipv4/ip_forward", "1");
  // The first packet to a new pod asks for its address too early; without this it asks again only after a second.
  writeSysctl("net/ipv4/neigh/default/retrans_time_ms", "5");
}

/** Connects a node's own network, held by process `pid`, to the bridge, and makes its pods known here. */
export async function plugIn({ address, cable, podRange }: NodePlan, pid: number): Promise<void> {
  if (cable === undefined) return;
  const inNode = (...args: string[]): Promise<unknown> => run("nsenter", [`--net=/proc/${pid}/ns/net`, "ip", ...args]);
  // One of the node's life before this one may not have gone yet.
  await run("ip", ["link", "delete", cable]).catch(() => {});
  await ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", String(pid));
  await ip("link", "set", cable, "master", BRIDGE, "up");
  await inNode("link", "set", "lo", "up");
  await inNode("address", "add", `${address}/${PREFIX_LENGTH}`, "dev", "eth0");
  await inNode("link", "set", "eth0", "up");
  await inNode("route", "add", "default", "via", HOST_ADDRESS);
  await ip("route", "replace", podRange, "via", address);
  // Only the machine's own network has a default for devices to come.
  const settings = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 5 > /proc/sys/net/ipv4/neigh/eth0/retrans_time_ms";
  await run("nsenter", [`--net=/proc/${pid}/ns/net`, "sh", "-ec", settings]);
}

/** Removes the bridge, the cables and the rules, whatever of them is there. */
export async function removeNetwork(): Promise<void> {
  const links = [...NODES.flatMap(({ cable }) => cable ?? []), BRIDGE];
  // A cable may go by itself meanwhile, with its other end.
  for (const name of links) await run("ip", ["link", "delete", name]).catch(() => {});
  for (const table of await nftTables()) {
    if (NFT_TABLES.includes(table)) await run("nft", ["delete", "table", ...table.split(" ")]);
  }
}

/** Returns the tables of nftables, as `ip kube-proxy`. */
export async function nftTables(): Promise<string[]> {
  const { stdout } = await run("nft", ["list", "tables"]);
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.replace(/^table /, "").trim()]));
}

async function routeTo(range: string): Promise<string> {
  const { stdout } = await run("ip", ["route", "show", "to", "root", range]);
  return stdout.trim();
}

async function ip(...args: string[]): Promise<void> {
  await run("ip", args);
}

function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, "utf8").trim();
  } catch {
    return undefined; // this kernel has none
  }
}

function writeSysctl(name: string, value: string): void {
  writeFileSync(`/proc/sys/${name}`, value);
}
