import { execFile, spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import { NODES, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS, CONTROLLER_REVISIONS } from "../../kube/resources.ts";
import { WASM_APPS, WASM_RUNTIMES, type WasmAppObject } from "../../operator/objects.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { repositoryFile } from "../harness.ts";
import { applyCrds } from "../operator/crds.ts";
import { SimulatedNodes } from "../operator/simulated-nodes.ts";
import { makeNamespace, startControlPlane, type ControlPlane } from "./control-plane.ts";

/*
 * The plugin with a real API server and the real operator; the nodes are simulated, and a kubelet that knows one log.
 */

const SYSTEM = "wasmlet-system";
const NAMESPACE = "shop";
const PLUGIN = repositoryFile("cli/kubectl-wasmlet.mjs");

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

function image(n: number): string {
  return `registry.example.com/hello:${n}@sha256:${String(n).repeat(64)}`;
}

function minimalApp(): WasmAppObject {
  const metadata = { namespace: NAMESPACE, name: "hello" };
  const spec = { source: { oci: { image: image(1) } }, scale: { minReplicas: 2 } };
  return { apiVersion: API_VERSION, kind: "WasmApp", metadata, spec } as unknown as WasmAppObject;
}

let plane: ControlPlane;
let nodes: SimulatedNodes;
let operator: ChildProcess;
let kubelet: Server;
const logRequests: string[] = [];

/** A line of a runtime's log, with the time that the kubelet puts before it. */
function line(app: string, msg: string): string {
  return `2026-01-01T00:00:00.000000001Z ${JSON.stringify({ namespace: NAMESPACE, app, stream: "stdout", msg })}\n`;
}

/** A kubelet that has the log of every pod: two lines, one of them the app's. */
async function startKubelet(): Promise<void> {
  const { certificate, key } = plane.cluster.admin!;
  kubelet = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
    logRequests.push(request.url ?? "");
    const follows = request.url?.includes("follow=true") === true;
    response.write(line("other", "not mine") + line("hello", follows ? "from now on" : "hi"));
    if (!follows) response.end();
  });
  await new Promise<void>((resolve) => kubelet.listen(0, "127.0.0.1", resolve));
  const { port } = kubelet.address() as AddressInfo;
  for (const name of ["node-0", "node-1"]) {
    const addresses = [{ type: "InternalIP", address: "127.0.0.1" }];
    const status = { addresses, daemonEndpoints: { kubeletEndpoint: { Port: port } } };
    await plane.client.mergePatch(NODES, { name }, { status }, { subresource: "status" });
  }
}

function run(args: readonly string[], kubeconfig = plane.cluster.kubeconfig): Promise<Result> {
  return new Promise((resolve) => {
    const env = { PATH: process.env["PATH"] ?? "", HOME: "/nowhere", KUBECONFIG: `/nowhere/config:${kubeconfig}` };
    const child = execFile(process.execPath, [PLUGIN, "-n", NAMESPACE, ...args], { env }, (_, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    );
  });
}

describe.skipIf(!needCluster("control-plane"))("kubectl wasmlet with a real API server and operator", () => {
  beforeAll(async () => {
    plane = await startControlPlane();
    const { client, cluster } = plane;
    await applyCrds(client);
    for (const name of [SYSTEM, NAMESPACE]) await makeNamespace(client, name);
    const runtime = { apiVersion: API_VERSION, kind: "WasmRuntime", metadata: { name: "default" }, spec: {} };
    await client.apply(WASM_RUNTIMES, runtime as never);
    nodes = new SimulatedNodes({ client, namespace: SYSTEM, count: 2 });
    await nodes.start();
    await startKubelet();
    const args = ["--kubeconfig", cluster.kubeconfig, "--namespace", SYSTEM, "--runtime-image", "none"];
    const management = ["--management-host", "127.0.0.1", "--management-port", "0"];
    operator = spawn(process.execPath, [repositoryFile("cli/wasmlet.mjs"), "operator", ...args, ...management], {
      stdio: "ignore",
    });
    await client.apply(WASM_APPS, minimalApp(), { fieldManager: "user" });
  });

  afterAll(async () => {
    operator?.kill("SIGKILL");
    kubelet?.closeAllConnections();
    kubelet?.close();
    await nodes?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
  });

  test("rollout status, get: an app is waited for, and shown with its nodes", async () => {
    const { status, stdout } = await run(["rollout", "status", "hello", "--timeout", "60s"]);
    expect(stdout).toMatch(/hello: revision \w{10} runs on 2 nodes\n$/);
    expect(status).toBe(0);
    const shown = await run(["get", "hello"]);
    expect(shown.stdout).toMatch(/\nhello {3}True {4}2\/2 .* node-0,node-1 .* http:\/\/hello\.shop\.svc .* Serving\n/);
    expect(shown.stdout).toMatch(/\nnode-0 {3}Ready .*10\.100\.0\.0:\d+ /);
    expect((await run(["get", "-A", "-o", "wide"])).stdout).toContain(`\n${NAMESPACE} `);
  });

  test("restart: is a rollout that can be waited for", async () => {
    const before = await plane.client.get(WASM_APPS, minimalApp().metadata);
    // Times are whole seconds: a restart within that of the last progress would look like one that was seen already.
    const secondEnds = Date.parse(before!.status!.lastProgressTime!) + 1000;
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThanOrEqual(secondEnds), { timeout: 2000 });
    expect((await run(["restart", "hello"])).status).toBe(0);
    expect((await run(["rollout", "status", "hello", "--timeout", "60s"])).status).toBe(0);
    const after = await plane.client.get(WASM_APPS, minimalApp().metadata);
    expect(after?.status?.revision).not.toBe(before?.status?.revision);
    expect(after?.metadata.generation).toBe(before?.metadata.generation);
  });

  test("rollout history, undo: back to what ran before, which the API server agrees to", async () => {
    const ref = minimalApp().metadata;
    const spec = { source: { oci: { image: image(2) } }, env: [{ name: "A", value: "1" }], limits: { concurrency: 5 } };
    await plane.client.mergePatch(WASM_APPS, ref, { spec });
    expect((await run(["rollout", "status", "hello", "--timeout", "60s"])).status).toBe(0);
    await vi.waitFor(async () => {
      const { items } = await plane.client.list(CONTROLLER_REVISIONS, { namespace: NAMESPACE });
      expect(items.length).toBeGreaterThan(0);
    });
    const history = await run(["rollout", "history", "hello"]);
    expect(history.stdout).toContain(image(1));
    expect(history.stdout).toMatch(/current .*hello:2@.*\n$/);
    const dry = await run(["rollout", "undo", "hello", "--dry-run=server"]);
    expect(dry.stdout).toContain(`+ spec.source.oci.image: "${image(1)}"\n`);
    expect(dry.stdout).toContain("- spec.limits.concurrency: 5\n");
    expect((await plane.client.get(WASM_APPS, ref))?.spec.source.oci?.image).toBe(image(2));
    const done = await run(["rollout", "undo", "hello"]);
    expect([done.status, done.stderr]).toEqual([0, ""]);
    expect((await run(["rollout", "status", "hello", "--timeout", "60s"])).status).toBe(0);
    const after = await plane.client.get(WASM_APPS, ref);
    expect(after?.spec).toMatchObject({ source: { oci: { image: image(1) } }, env: [], scale: { minReplicas: 2 } });
    expect(after?.spec.limits).not.toHaveProperty("concurrency");
    expect(after?.status?.image).toBe(image(1));
  });

  test("logs: come through the API server from each node's kubelet", async () => {
    const { status, stdout, stderr } = await run(["logs", "hello"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").toSorted()).toEqual(["", "[node-0] hi", "[node-1] hi"]);
    expect(logRequests[0]).toMatch(/^\/containerLogs\/wasmlet-system\/runtime-default-\d\/runtime\?.*timestamps=true/);
  });

  test("logs, top: who has no right to the runtimes' pods is told which one is missing", async () => {
    const { client, cluster } = plane;
    const metadata = { namespace: NAMESPACE, name: "user" };
    await client.apply(SERVICE_ACCOUNTS, { apiVersion: "v1", kind: "ServiceAccount", metadata });
    const rbac = "rbac.authorization.k8s.io";
    const rules = [{ apiGroups: ["wasmlet.dev"], resources: ["*"], verbs: ["get", "list", "watch"] }];
    await client.apply(ROLES, { apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules });
    await client.apply(ROLE_BINDINGS, {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: rbac, kind: "Role", name: "user" },
      subjects: [{ kind: "ServiceAccount", ...metadata }],
    });
    const { token } = await client.createToken(metadata);
    const kubeconfig = join(cluster.folder!, "user.kubeconfig");
    await writeFile(
      kubeconfig,
      JSON.stringify({
        "current-context": "user",
        contexts: [{ name: "user", context: { cluster: "c", user: "u" } }],
        clusters: [{ name: "c", cluster: { server: cluster.server, "certificate-authority": cluster.admin!.ca } }],
        users: [{ name: "u", user: { token: token.reveal() } }],
      }),
      { mode: 0o600 },
    );
    await vi.waitFor(async () => expect((await run(["get"], kubeconfig)).status).toBe(0), { timeout: 20_000 });
    const logs = await run(["logs", "hello"], kubeconfig);
    expect([logs.status, logs.stderr]).toEqual([
      1,
      expect.stringContaining("`get` of `pods/log` in the namespace wasmlet-system"),
    ]);
    const top = await run(["top"], kubeconfig);
    expect([top.status, top.stderr]).toEqual([
      1,
      expect.stringContaining("`list` of `pods` in the namespace wasmlet-system"),
    ]);
    expect(`${logs.stderr}${top.stderr}`).not.toContain("    at ");
  });
});
