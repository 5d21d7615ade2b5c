import {
  cgroupOf,
  CLUSTER_DOMAIN,
  DNS_SERVICE_ADDRESS,
  HOST_ADDRESS,
  POD_RANGE,
  SERVICE_RANGE,
  type NodePlan,
} from "./addresses.ts";
import type { ClusterLevel } from "./requirements.ts";

/*
 * The flags and configuration files of a cluster's daemons, as pure functions. Why the less usual ones are there: machines
 * with cgroup v1, or without CAP_SYS_RESOURCE, run it too.
 */

/** The sandbox image, which is built here and never pulled. */
export const PAUSE_IMAGE = "localhost/pause:1";

/** Where a node sees the built programs. */
export const NODE_BIN = "/opt/bin";

/** The ports of the API; free ones that stay the same for the life of a cluster. */
export interface ControlPlanePorts {
  api: number;
  etcd: number;
  etcdPeer: number;
}

/** Flags of etcd; nobody needs its data after a power cut. */
export function etcdArgs(folder: string, { etcd, etcdPeer }: ControlPlanePorts): string[] {
  const client = `http://127.0.0.1:${etcd}`;
  const peer = `http://127.0.0.1:${etcdPeer}`;
  return flags({
    "data-dir": `${folder}/etcd`,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
    "unsafe-no-fsync": true,
    "log-level": "warn",
  });
}

/** Flags of the API server; a full cluster's listens where nodes and pods reach it. */
export function apiServerArgs(folder: string, level: ClusterLevel, { api, etcd }: ControlPlanePorts): string[] {
  const pki = `${folder}/pki`;
  const isFull = level === "full";
  return flags({
    "advertise-address": isFull ? HOST_ADDRESS : "127.0.0.1",
    "bind-address": isFull ? "0.0.0.0" : "127.0.0.1",
    "secure-port": api,
    "etcd-servers": `http://127.0.0.1:${etcd}`,
    "service-cluster-ip-range": SERVICE_RANGE,
    "authorization-mode": "Node,RBAC",
    "enable-admission-plugins": "NodeRestriction",
    "allow-privileged": true,
    "client-ca-file": `${pki}/ca.pem`,
    "tls-cert-file": `${pki}/apiserver.pem`,
    "tls-private-key-file": `${pki}/apiserver.key`,
    "service-account-issuer": `https://kubernetes.default.svc.${CLUSTER_DOMAIN}`,
    "service-account-key-file": `${pki}/service-account.key`,
    "service-account-signing-key-file": `${pki}/service-account.key`,
    "kubelet-client-certificate": `${pki}/apiserver-kubelet.pem`,
    "kubelet-client-key": `${pki}/apiserver-kubelet.key`,
    "kubelet-preferred-address-types": "InternalIP",
    // An API server alone on the loopback address has no endpoint that it could announce.
    ...(!isFull && { "endpoint-reconciler-type": "none" }),
  });
}

/** Flags of the controller manager: all that it does but what clouds need. */
export function controllerManagerArgs(folder: string): string[] {
  return flags({
    kubeconfig: `${folder}/admin.kubeconfig`,
    "root-ca-file": `${folder}/pki/ca.pem`,
    "service-account-private-key-file": `${folder}/pki/service-account.key`,
    "use-service-account-credentials": true,
    "leader-elect": false,
    "secure-port": 0,
    // A node that is lost is noticed within a test's patience; one that is only slow is not taken for lost.
    "node-monitor-period": "1s",
    "node-monitor-grace-period": "16s",
    // By default an autoscaler looks four times a minute, which a test waits for several times.
    "horizontal-pod-autoscaler-sync-period": "2s",
  });
}

/** Flags of the scheduler. */
export function schedulerArgs(folder: string): string[] {
  return flags({ kubeconfig: `${folder}/admin.kubeconfig`, "leader-elect": false, "secure-port": 0 });
}

/** Flags of a node's kubelet; paths are those that the node sees. */
export function kubeletArgs(folder: string, { name, address }: NodePlan): string[] {
  return flags({
    config: `${folder}/${name}/kubelet.yaml`,
    kubeconfig: `${folder}/${name}/kubelet.kubeconfig`,
    "hostname-override": name,
    "node-ip": address,
    "root-dir": "/var/lib/kubelet",
    "cert-dir": "/var/lib/kubelet/pki",
  });
}

/** The kubelet's configuration. */
export function kubeletConfig(folder: string, { name }: NodePlan): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: "0.0.0.0",
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: `${folder}/pki/ca.pem` } },
    authorization: { mode: "Webhook" },
    containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
    cgroupDriver: "cgroupfs",
    cgroupRoot: cgroupOf(name),
    clusterDNS: [DNS_SERVICE_ADDRESS],
    clusterDomain: CLUSTER_DOMAIN,
    // Without CAP_SYS_RESOURCE some limits cannot be set, with which this gate is content.
    featureGates: { KubeletInUserNamespace: true },
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    evictionHard: { "memory.available": "1%", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
    makeIPTablesUtilChains: false,
    nodeLeaseDurationSeconds: 10,
    resolvConf: `${folder}/${name}/resolv.conf`,
    // Tests that change a Secret or a ConfigMap wait for it to arrive in a volume.
    syncFrequency: "5s",
  };
}

/** kube-proxy's configuration. */
export function kubeProxyConfig(folder: string, { name }: NodePlan): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "nftables",
    hostnameOverride: name,
    clientConnection: { kubeconfig: `${folder}/kube-proxy.kubeconfig` },
    clusterCIDR: POD_RANGE,
    // Its limits are the whole machine's, not ours.
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
    // By default kube-proxy rests for a second after each change: then no new Service of any kind answers within one.
    nftables: { minSyncPeriod: "10ms" },
  };
}

/** containerd's configuration, as TOML. Files of /etc/containerd/conf.d add to it. */
export function containerdConfig(): string {
  return `version = 3
imports = ["/etc/containerd/conf.d/*.toml"]

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
  # Without CAP_SYS_RESOURCE no process may be protected from the OOM killer.
  restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["${NODE_BIN}"]
  conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
    BinaryName = "${NODE_BIN}/runc"
`;
}

/** The network of a node's pods. */
export function cniConfig({ podRange }: NodePlan): object {
  return {
    cniVersion: "1.0.0",
    name: "wasmlet",
    plugins: [
      {
        type: "ptp",
        ipam: { type: "host-local", ranges: [[{ subnet: podRange }]], routes: [{ dst: "0.0.0.0/0" }] },
      },
      { type: "portmap", capabilities: { portMappings: true }, backend: "nftables" },
    ],
  };
}

/** CoreDNS's configuration. It knows the cluster alone. */
export function corefile(folder: string): string {
  return `.:53 {
  bind ${HOST_ADDRESS}
  errors
  health ${HOST_ADDRESS}:8053
  ready ${HOST_ADDRESS}:8153
  cache 2
  kubernetes ${CLUSTER_DOMAIN} in-addr.arpa {
    kubeconfig ${folder}/admin.kubeconfig
    ttl 2
  }
}
`;
}

/** The Service through which pods ask CoreDNS, which runs outside of the cluster's pods. */
export function dnsObjects(): object[] {
  const metadata = { name: "kube-dns", namespace: "kube-system", labels: { "k8s-app": "kube-dns" } };
  const ports = [
    { name: "dns", protocol: "UDP", port: 53 },
    { name: "dns-tcp", protocol: "TCP", port: 53 },
  ];
  return [
    { apiVersion: "v1", kind: "Service", metadata, spec: { clusterIP: DNS_SERVICE_ADDRESS, ports } },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kube-dns" } },
      addressType: "IPv4",
      ports,
      endpoints: [{ addresses: [HOST_ADDRESS], conditions: { ready: true } }],
    },
  ];
}

/** Returns a kubeconfig for one user, with files beside it by name. */
export function kubeconfig(folder: string, server: string, user: string): object {
  const name = "wasmlet-test";
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [{ name, cluster: { server, "certificate-authority": `${folder}/pki/ca.pem` } }],
    users: [
      {
        name: user,
        user: { "client-certificate": `${folder}/pki/${user}.pem`, "client-key": `${folder}/pki/${user}.key` },
      },
    ],
    contexts: [{ name, context: { cluster: name, user } }],
  };
}

/** Returns flags as a command line has them. */
export function flags(values: Readonly<Record<string, string | number | boolean>>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}
