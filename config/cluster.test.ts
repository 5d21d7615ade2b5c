import { expect, test } from "vitest";
import { readClusterConfig } from "./cluster.ts";

test("cluster config: what a pod is told", () => {
  const environment = {
    NODE_NAME: "node1",
    POD_NAME: "wasmlet-node-x",
    POD_NAMESPACE: "wasmlet",
    POD_IP: "10.0.0.7",
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
    KUBERNETES_SERVICE_PORT: "6443",
  };
  expect(readClusterConfig(environment)).toEqual({
    nodeName: "node1",
    podName: "wasmlet-node-x",
    podNamespace: "wasmlet",
    podIP: "10.0.0.7",
    apiServer: { host: "10.96.0.1", port: "6443" },
  });
});

test("cluster config: nothing outside a cluster, and an empty variable is nothing", () => {
  expect(readClusterConfig({ NODE_NAME: "" })).toEqual({});
});
