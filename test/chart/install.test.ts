import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { startCluster } from "../cluster/cluster.ts";
import { waitFor } from "../cluster/processes.ts";
import { canRunCluster } from "../cluster/requirements.ts";
import { repositoryFile } from "../harness.ts";
import { CHART, find, HELM_MAJORS, helmLack, NAMESPACE, render, type HelmMajor } from "./chart.ts";

/*
 * The chart on a real API server, without nodes: what it takes, what the accounts may do, and what the admission policies
 * refuse. Tokens are real ones, bound to pods that are said to run on nodes.
 */

const possible = canRunCluster("control-plane");
const lack = possible.can ? helmLack() : possible.why;
if (lack !== undefined) process.stderr.write(`skipped test/chart/install.test.ts: ${lack}\n`);

const OPERATOR = `system:serviceaccount:${NAMESPACE}:wasmlet-operator`;
const ALLOWED = { allowed: true } as const;

let cluster: Cluster;

beforeAll(async () => {
  if (lack !== undefined) return;
  cluster = await startCluster({ level: "control-plane" });
}, 300_000);

afterAll(async () => {
  await (cluster as Cluster | undefined)?.[Symbol.asyncDispose]();
});

/** Applies objects as the admin. */
async function apply(...objects: object[]): Promise<void> {
  await cluster.kubectl(["apply", "-f", "-"], { input: objects.map((object) => stringify(object)).join("---\n") });
}

/** Runs kubectl and says whether the API server let it, and if not, why. */
async function attempt(args: readonly string[], input?: object): Promise<{ allowed: boolean; why?: string }> {
  try {
    await cluster.kubectl(args, input === undefined ? {} : { input: JSON.stringify(input) });
    return ALLOWED;
  } catch (error) {
    return { allowed: false, why: (error as Error).message };
  }
}

/** The flags of a caller who has nothing but a token. */
function withToken(token: string): string[] {
  const { ca = "" } = cluster.admin ?? {};
  return [
    "--kubeconfig=/dev/null",
    `--server=${cluster.server}`,
    `--certificate-authority=${ca}`,
    `--token=${token.trim()}`,
  ];
}

/** Asks again until the answer is this one: a policy takes a moment until the API server acts by it. */
async function eventually(
  ask: () => Promise<{ allowed: boolean; why?: string }>,
  isExpected: (answer: { allowed: boolean; why?: string }) => boolean,
): Promise<{ allowed: boolean; why?: string }> {
  let answer = await ask();
  await waitFor("the answer", async () => isExpected((answer = await ask()))).catch(() => {});
  return answer;
}

async function install(major: HelmMajor, command: "install" | "upgrade", ...args: string[]): Promise<void> {
  await cluster.helm([command, "wasmlet", CHART, "--namespace", NAMESPACE, ...args], { major });
}

function labels(of: object): Record<string, string> {
  return (of as { metadata: { labels?: Record<string, string> } }).metadata.labels ?? {};
}

async function get(...args: string[]): Promise<object> {
  return JSON.parse(await cluster.kubectl(["get", ...args, "-o", "json"])) as object;
}

describe("install", { skip: lack !== undefined }, () => {
  test.each(HELM_MAJORS)(
    "Helm %i: installs, upgrades and uninstalls in one go each; definitions stay",
    async (major) => {
      await install(major, "install", "--create-namespace");
      expect(await get("deployment", "wasmlet-operator", "-n", NAMESPACE)).toMatchObject({ spec: { replicas: 2 } });
      await install(major, "upgrade", "--set", "operator.replicas=1", "--set", "commonLabels.round=second");
      expect(await get("deployment", "wasmlet-operator", "-n", NAMESPACE)).toMatchObject({ spec: { replicas: 1 } });
      // Definitions are upgraded with the release.
      expect(labels(await get("crd", "wasmapps.wasmlet.dev"))).toMatchObject({ round: "second" });
      await cluster.helm(["uninstall", "wasmlet", "--namespace", NAMESPACE], { major });
      expect((await attempt(["get", "deployment", "wasmlet-operator", "-n", NAMESPACE])).allowed).toBe(false);
      expect(await attempt(["get", "crd", "wasmapps.wasmlet.dev", "wasmreplicas.wasmlet.dev"])).toEqual(ALLOWED);
    },
  );

  test("objects: the API server finds no fault, and no field that it does not know", async () => {
    const objects = await render(4);
    const known = objects.filter(({ metadata }) => metadata.annotations?.["helm.sh/hook"] === undefined);
    const text = known.map((object) => stringify(object)).join("---\n");
    const args = ["apply", "--dry-run=server", "--validate=strict", "-n", NAMESPACE, "-f", "-"];
    expect(await cluster.kubectl(args, { input: text })).toContain("deployment.apps/wasmlet-operator");
  });

  test("pool: the file of the operator is a valid WasmRuntime", async () => {
    const { data } = find(await render(4), "ConfigMap", "wasmlet-default-runtime") as unknown as {
      data: Record<string, string>;
    };
    const input = data["default-runtime.yaml"] ?? "";
    const args = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
    expect(await cluster.kubectl(args, { input })).toContain("wasmruntime.wasmlet.dev/default created");
  });

  test.each(["command", "expose", "hello", "placement", "scale", "settings"])(
    "examples: %s.yaml is taken",
    async (name) => {
      const args = ["apply", "--dry-run=server", "--validate=strict", "-f", repositoryFile(`examples/${name}.yaml`)];
      expect(await cluster.kubectl(args)).toContain(`wasmapp.wasmlet.dev/${name} created`);
    },
  );
});

describe("operator's permissions", { skip: lack !== undefined }, () => {
  const asOperator = ["--as", OPERATOR];

  beforeAll(async () => {
    if (lack === undefined) await install(4, "install", "--create-namespace");
  }, 120_000);

  test.each([
    ["a replica in any namespace", "create", "wasmreplicas.wasmlet.dev", "default"],
    ["an app's status", "patch", "wasmapps.wasmlet.dev", "default", "--subresource=status"],
    ["an EndpointSlice in any namespace", "create", "endpointslices.discovery.k8s.io", "default"],
    ["a DaemonSet in its namespace", "create", "daemonsets.apps", NAMESPACE],
    ["a lease in its namespace", "update", "leases.coordination.k8s.io", NAMESPACE],
    ["an account in its namespace", "create", "serviceaccounts", NAMESPACE],
  ])("operator: may write %s", async (_, verb, resource, namespace, ...more) => {
    expect(await cluster.kubectl(["auth", "can-i", verb, resource, "-n", namespace, ...more, ...asOperator])).toBe(
      "yes\n",
    );
  });

  test.each([
    ["an app", "patch", "wasmapps.wasmlet.dev", "default"],
    ["a DaemonSet elsewhere", "create", "daemonsets.apps", "default"],
    ["an account elsewhere", "create", "serviceaccounts", "default"],
    ["a Secret", "create", "secrets", NAMESPACE],
    ["a pod", "create", "pods", NAMESPACE],
    ["a token", "create", "serviceaccounts", NAMESPACE, "--subresource=token"],
    ["a ClusterRole", "create", "clusterroles.rbac.authorization.k8s.io", NAMESPACE],
  ])("operator: may not write %s", async (_, verb, resource, namespace, ...more) => {
    const answer = await attempt(["auth", "can-i", verb, resource, "-n", namespace, ...more, ...asOperator]);
    expect(answer.allowed).toBe(false);
  });

  const create = ["create", "--dry-run=server", "-f", "-", ...asOperator];

  test("operator: grants `get` on single Secrets, and nothing that it does not hold", async () => {
    const one = appRole([{ apiGroups: [""], resources: ["secrets"], resourceNames: ["token"], verbs: ["get"] }]);
    expect(await attempt(create, one)).toEqual(ALLOWED);
    const more = await attempt(create, appRole([{ apiGroups: [""], resources: ["secrets"], verbs: ["delete"] }]));
    expect(more).toMatchObject({
      allowed: false,
      why: expect.stringContaining("attempting to grant RBAC permissions"),
    });
  });

  test("operator: binds the pools' accounts to their role, and to no other", async () => {
    expect(await attempt(create, bindPool("edge", "ClusterRole"))).toEqual(ALLOWED);
    expect(await attempt(create, bindPool("edge", "Role"))).toEqual(ALLOWED);
    expect((await attempt(create, bindPool("edge", "ClusterRole", "cluster-admin"))).allowed).toBe(false);
  });
});

function account(name: string): object {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: NAMESPACE } };
}

/** Returns the binding of a pool's account to the role of node runtimes; of the namespace, or of the cluster. */
function bindPool(pool: string, kind: "ClusterRole" | "Role", role = "wasmlet-node"): object {
  const name = `wasmlet-runtime-${pool}`;
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: `${kind}Binding`,
    metadata: { name, ...(kind === "Role" && { namespace: NAMESPACE }) },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: role },
    subjects: [{ kind: "ServiceAccount", name, namespace: NAMESPACE }],
  };
}

/** Returns a Role in the namespace of apps. */
function appRole(rules: object[]): object {
  const metadata = { name: "app", namespace: "default" };
  return { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata, rules };
}

function replica(nodeName: string): object {
  return {
    apiVersion: "wasmlet.dev/v1alpha1",
    kind: "WasmReplica",
    metadata: { name: `hello.${nodeName}`, namespace: "default" },
    spec: {
      appName: "hello",
      nodeName,
      runtimeName: "default",
      port: 20_000,
      revision: "1",
      template: { source: { configMap: { name: "hello", key: "hello.wasm" } } },
    },
  };
}

function patchStatus(nodeName: string, caller: readonly string[]): Promise<{ allowed: boolean; why?: string }> {
  const patch = JSON.stringify({ status: { message: `seen at ${Date.now()}` } });
  const object = ["wasmreplicas.wasmlet.dev", `hello.${nodeName}`, "-n", "default"];
  return attempt(["patch", ...object, "--subresource=status", "--type=merge", "-p", patch, ...caller]);
}

function askToken(nodeName: string, caller: readonly string[], ...more: string[]): ReturnType<typeof attempt> {
  return attempt(["create", "token", nodeName, "-n", NAMESPACE, ...more, ...caller]);
}

describe("admission policies", { skip: lack !== undefined }, () => {
  const NODES = ["node-a", "node-b.example.com"] as const;
  let token: string;

  beforeAll(async () => {
    if (lack !== undefined) return;
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "runtime-a", namespace: NAMESPACE },
      spec: {
        nodeName: NODES[0],
        serviceAccountName: "wasmlet-runtime-default",
        containers: [{ name: "runtime", image: "wasmlet" }],
        tolerations: [{ operator: "Exists" }],
      },
    };
    await apply(
      account("wasmlet-runtime-default"),
      bindPool("default", "ClusterRole"),
      bindPool("default", "Role"),
      ...NODES.map((name) => account(`wasmlet-node-${name}`)),
      ...NODES.map((name) => ({ apiVersion: "v1", kind: "Node", metadata: { name } })),
      ...NODES.map((nodeName) => replica(nodeName)),
    );
    await apply(pod);
    const uid = await cluster.kubectl(["get", "pod", "runtime-a", "-n", NAMESPACE, "-o", "jsonpath={.metadata.uid}"]);
    const bound = ["--bound-object-kind=Pod", "--bound-object-name=runtime-a", `--bound-object-uid=${uid}`];
    token = await cluster.kubectl(["create", "token", "wasmlet-runtime-default", "-n", NAMESPACE, ...bound]);
  }, 120_000);

  test("replicas: a node runtime writes the status of those on its node, and of no others", async () => {
    const foreign = await eventually(
      () => patchStatus(NODES[1], withToken(token)),
      ({ allowed }) => !allowed,
    );
    expect(foreign.why).toContain("only the status of WasmReplicas of its own node: this token is of node-a");
    expect(await patchStatus(NODES[0], withToken(token))).toEqual(ALLOWED);
  });

  test("replicas: a token of no node writes none", async () => {
    const unbound = await cluster.kubectl(["create", "token", "wasmlet-runtime-default", "-n", NAMESPACE]);
    const answer = await patchStatus(NODES[0], withToken(unbound));
    expect(answer.why).toContain("this token is of no node");
  });

  test("replicas: the operator and whoever RBAC allows are not concerned", async () => {
    expect(await patchStatus(NODES[1], ["--as", OPERATOR])).toEqual(ALLOWED);
    expect(await patchStatus(NODES[1], [])).toEqual(ALLOWED);
  });

  test("tokens: a node runtime gets that of its node's account, and of no other", async () => {
    const mine = withToken(token);
    const foreign = await eventually(
      () => askToken(`wasmlet-node-${NODES[1]}`, mine),
      ({ allowed }) => !allowed,
    );
    expect(foreign.why).toContain("only of the account of its own node: this token is of node-a");
    expect((await askToken("wasmlet-operator", mine)).allowed).toBe(false);
    expect((await askToken("wasmlet-runtime-default", mine)).allowed).toBe(false);
    expect(await askToken(`wasmlet-node-${NODES[0]}`, mine)).toEqual(ALLOWED);
    expect(await askToken(`wasmlet-node-${NODES[0]}`, mine, "--duration=2h")).toMatchObject({
      allowed: false,
      why: expect.stringContaining("an hour at most"),
    });
  });

  test("nodes: a runtime reads no Secret and writes no replica", async () => {
    const mine = withToken(token);
    expect((await attempt(["get", "secrets", "-n", "default", ...mine])).allowed).toBe(false);
    expect((await attempt(["delete", "wasmreplicas.wasmlet.dev", `hello.${NODES[0]}`, ...mine])).allowed).toBe(false);
    expect(await attempt(["get", "wasmreplicas.wasmlet.dev", "-A", ...mine])).toEqual(ALLOWED);
  });
});
