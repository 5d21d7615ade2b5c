import { describe, expect, test } from "vitest";
import { HOST_ADDRESS, NODES } from "./addresses.ts";
import { BINARIES, buildArguments, readGoMod, requiredVersion } from "./binaries.ts";
import {
  apiServerArgs,
  cniConfig,
  containerdConfig,
  corefile,
  dnsObjects,
  flags,
  kubeconfig,
  kubeletConfig,
  kubeProxyConfig,
} from "./component-config.ts";
import { readTestEnvironment } from "./environment.ts";

/*
 * The pure parts of the cluster: what is built and how, flags and configuration.
 */

const PORTS = { api: 1, etcd: 2, etcdPeer: 3 };
const [node1, node2] = NODES;

describe("binaries", () => {
  test.each(BINARIES.map((binary) => [binary.name, binary] as const))("%s has a module that pins it", (_, binary) => {
    const goMod = readGoMod(binary);
    if (binary.package !== ".") expect(goMod).toMatch(new RegExp(`(?:tool)?\\s${binary.package}$`, "m"));
    const args = buildArguments(binary, goMod, "/out");
    expect(args.slice(-3)).toEqual(["-o", "/out", binary.package]);
    expect(args).toContain("-mod=readonly");
  });

  test("the version that a program tells is the one of its go.mod", () => {
    const apiServer = BINARIES.find(({ name }) => name === "kube-apiserver")!;
    const goMod = "require (\n\tk8s.io/kubernetes v1.37.2\n\tk8s.io/api v0.37.2 // indirect\n)\n";
    expect(buildArguments(apiServer, goMod, "").join(" ")).toContain(
      "-X k8s.io/component-base/version.gitVersion=v1.37.2 -X k8s.io/component-base/version.gitMajor=1",
    );
    expect(requiredVersion(goMod, "k8s.io/api")).toBe("v0.37.2");
    expect(requiredVersion("require k8s.io/kubernetes v1.0.0", "k8s.io/kubernetes")).toBe("v1.0.0");
    expect(() => requiredVersion(goMod, "k8s.io/ap")).toThrow("no version of k8s.io/ap");
  });

  test("every staging module of Kubernetes has Kubernetes's own version", () => {
    const goMod = readGoMod(BINARIES[0]!);
    const minor = requiredVersion(goMod, "k8s.io/kubernetes").replace("v1.", "v0.");
    const replaced = [...goMod.matchAll(/k8s\.io\/[a-z-]+ => k8s\.io\/[a-z-]+ (v[\d.]+)/g)].map(
      ([, version]) => version,
    );
    expect(replaced.length).toBeGreaterThan(20);
    expect(new Set(replaced)).toEqual(new Set([minor]));
  });
});

describe("configuration", () => {
  test("flags are written as a command line has them", () => {
    expect(flags({ name: "x", port: 0, on: true })).toEqual(["--name=x", "--port=0", "--on=true"]);
  });

  test("an API server alone listens on the loopback address, one with nodes where they reach it", () => {
    const alone = apiServerArgs("/c", "control-plane", PORTS);
    expect(alone).toEqual(expect.arrayContaining(["--bind-address=127.0.0.1", "--secure-port=1"]));
    const full = apiServerArgs("/c", "full", PORTS);
    expect(full).toEqual(expect.arrayContaining(["--bind-address=0.0.0.0", `--advertise-address=${HOST_ADDRESS}`]));
    expect(full.join(" ")).not.toContain("endpoint-reconciler");
  });

  test("nodes differ in their cgroups, names and pods' addresses", () => {
    expect(kubeletConfig("/c", node1!)).toMatchObject({ cgroupRoot: "/wasmlet-node1", clusterDNS: ["10.96.0.10"] });
    expect(kubeletConfig("/c", node2!)).toMatchObject({ cgroupRoot: "/wasmlet-node2" });
    expect(kubeProxyConfig("/c", node2!)).toMatchObject({ mode: "nftables", hostnameOverride: "node2" });
    expect(JSON.stringify(cniConfig(node1!))).toContain("10.244.1.0/24");
    expect(JSON.stringify(cniConfig(node2!))).toContain("10.244.2.0/24");
  });

  test("containerd never asks a registry for the sandbox's image", () => {
    expect(containerdConfig()).toContain('sandbox = "localhost/pause:1"');
  });

  test("pods find CoreDNS through a Service of its own address", () => {
    expect(corefile("/c")).toContain("bind 10.250.0.1");
    const [service, slice] = dnsObjects();
    expect(service).toMatchObject({ spec: { clusterIP: "10.96.0.10" } });
    expect(slice).toMatchObject({ endpoints: [{ addresses: ["10.250.0.1"] }] });
  });

  test("a kubeconfig names files beside it", () => {
    expect(kubeconfig("/c", "https://127.0.0.1:1", "admin")).toMatchObject({
      users: [{ user: { "client-certificate": "/c/pki/admin.pem", "client-key": "/c/pki/admin.key" } }],
    });
  });

  test("the environment places the cache and names another cluster; empty variables count as unset", () => {
    expect(readTestEnvironment({ WASMLET_TEST_CACHE: "/shared" })).toMatchObject({
      cacheFolder: "/shared",
      isCi: false,
    });
    expect(readTestEnvironment({ WASMLET_TEST_CACHE: "", WASMLET_TEST_KUBECONFIG: "" })).toEqual({
      cacheFolder: expect.stringMatching(/\/\.cache$/),
      kubeconfig: undefined,
      isCi: false,
    });
    expect(readTestEnvironment({ WASMLET_TEST_KUBECONFIG: "/k", CI: "true" })).toMatchObject({
      kubeconfig: "/k",
      isCi: true,
    });
  });
});
