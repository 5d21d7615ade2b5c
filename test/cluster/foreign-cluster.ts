import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { runClient, type Cluster } from "./cluster-handle.ts";
import { ClusterError } from "./errors.ts";
import type { RunOptions } from "./processes.ts";

/** A cluster that `WASMLET_TEST_KUBECONFIG` names: it has an API, and nothing of it is within reach. */
export class ForeignCluster implements Cluster {
  readonly level = "foreign";
  readonly folder = undefined;
  readonly admin = undefined;
  readonly nodes = [];
  readonly kubeconfig: string;
  readonly server: string;

  constructor(kubeconfig: string) {
    this.kubeconfig = kubeconfig;
    this.server = serverOf(parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig);
  }

  kubectl(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return runClient("kubectl", this.kubeconfig, args, options);
  }

  helm(args: readonly string[], { major = 4, ...options }: RunOptions & { major?: 3 | 4 } = {}): Promise<string> {
    return runClient(major === 3 ? "helm3" : "helm", this.kubeconfig, args, options);
  }

  loadImage(): Promise<void> {
    return Promise.reject(outOfReach("its images"));
  }

  stopNode(): Promise<void> {
    return Promise.reject(outOfReach("its nodes"));
  }

  startNode(): Promise<void> {
    return Promise.reject(outOfReach("its nodes"));
  }

  stopApiServer(): Promise<void> {
    return Promise.reject(outOfReach("its API server"));
  }

  startApiServer(): Promise<void> {
    return Promise.reject(outOfReach("its API server"));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Kubeconfig {
  "current-context": string;
  contexts: { name: string; context: { cluster: string } }[];
  clusters: { name: string; cluster: { server: string } }[];
}

function serverOf({ contexts, clusters, ...kubeconfig }: Kubeconfig): string {
  const current = contexts.find(({ name }) => name === kubeconfig["current-context"])?.context.cluster;
  return clusters.find(({ name }) => name === current)?.cluster.server ?? "";
}

function outOfReach(what: string): ClusterError {
  const message = `the cluster of WASMLET_TEST_KUBECONFIG was started elsewhere, so ${what} cannot be had`;
  return new ClusterError("CLUSTER_FOREIGN", message, "Run this test without WASMLET_TEST_KUBECONFIG.");
}
