import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import { HOST_ADDRESS } from "../cluster/addresses.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { run, waitFor } from "../cluster/processes.ts";
import { needOwnCluster, sharedCluster } from "../cluster/shared-cluster.ts";
import { repositoryFile } from "../harness.ts";
import { startRealRegistry, USER, type RealRegistry } from "../oci/real-registry.ts";
import { dockerRegistry, needTools } from "../oci/tools.ts";
import { tellOnFailure } from "./cluster-report.ts";
import { installWasmlet, SYSTEM_NAMESPACE, uninstallWasmlet, urlOfApp } from "./installed-wasmlet.ts";

const HELLO = repositoryFile("examples/hello-c/hello-c.wasm");

describe.skipIf(!needOwnCluster("run a registry on this machine that nodes pull from") || !needTools(dockerRegistry()))(
  "contract: an app from a private registry",
  () => {
    let cluster: Cluster;
    let registry: RealRegistry;
    let image: string;

    beforeAll(async () => {
      cluster = await sharedCluster();
      registry = await startRealRegistry({ secured: true, address: HOST_ADDRESS });
      image = `${registry.host}/private/hello:1`;
      writeFileSync(join(registry.folder, "ca.pem"), registry.ca!);
      writeFileSync(join(registry.folder, "config.json"), dockerConfig());
      await uninstallWasmlet(cluster);
      await cluster.kubectl(["create", "namespace", SYSTEM_NAMESPACE]);
      const config = ["create", "configmap", "company-ca", `--from-file=ca.pem=${join(registry.folder, "ca.pem")}`];
      await cluster.kubectl(["-n", SYSTEM_NAMESPACE, ...config]);
      await installWasmlet(cluster, ["runtime.registryCA.name=company-ca", "runtime.registryCA.key=ca.pem"]);
    }, 300_000);
    afterAll(async () => {
      await cluster.kubectl(["delete", "wasmapp/private", "secret/pull", "--ignore-not-found"]);
      await uninstallWasmlet(cluster);
      await registry[Symbol.asyncDispose]();
    }, 300_000);
    beforeEach((context) => tellOnFailure(context, () => cluster));

    test("it says that the registry wants a password, and runs once its Secret is there", async () => {
      const digest = await push(HELLO);
      await apply({});
      await waitFor("what is missing to be said", async () => (await degraded()).includes("imagePullSecrets"));
      await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(pullSecret()) });
      await apply({ imagePullSecrets: [{ name: "pull" }] });
      expect(await (await fetch(await urlOfApp(cluster, "private"))).text()).toContain("Hello from C");
      expect(await field("{.status.image}")).toBe(`${registry.host}/private/hello@${digest}`);
      const nodes = await cluster.kubectl(["get", "wasmreplicas", "-o", "json"]);
      expect(nodes).not.toContain(USER.password);
    }, 180_000);

    test("a tag that is moved changes nothing until the app is restarted", async () => {
      const before = await field("{.status.image}");
      const digest = await push(repositoryFile("examples/hello-rust/hello-rust.wasm"));
      await cluster.kubectl(["scale", "wasmapp/private", "--replicas=2"]);
      await cluster.kubectl(["wait", "wasmapp/private", "--for=jsonpath={.status.ready}=2/2", "--timeout=60s"]);
      expect(await field("{.status.image}")).toBe(before);
      await run(process.execPath, [repositoryFile("cli/kubectl-wasmlet.mjs"), "restart", "private"], {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      });
      await waitFor("the new digest", async () => (await field("{.status.image}")).endsWith(digest));
      await cluster.kubectl(["wait", "wasmapp/private", "--for=jsonpath={.status.updatedReplicas}=2", "--timeout=60s"]);
      expect(await (await fetch(await urlOfApp(cluster, "private"))).text()).toContain("Hello from Rust");
    }, 180_000);

    async function apply(more: object): Promise<void> {
      const spec = { source: { oci: { image, ...more } }, trigger: { http: {} } };
      const app = {
        apiVersion: API_VERSION,
        kind: "WasmApp",
        metadata: { name: "private", namespace: "default" },
        spec,
      };
      await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(app) });
    }

    /** Pushes a program as a developer does, and returns the digest of its manifest. */
    async function push(file: string): Promise<string> {
      const args = ["push", file, image, "--registry-ca", join(registry.folder, "ca.pem"), "-o", "json"];
      const env = { PATH: process.env["PATH"], DOCKER_CONFIG: registry.folder, WASMLET_CACHE: registry.folder };
      const { stdout } = await run(process.execPath, [repositoryFile("cli/wasmlet.mjs"), ...args], { env });
      return (JSON.parse(stdout) as { digest: string }).digest;
    }

    function dockerConfig(): string {
      const auth = Buffer.from(`${USER.username}:${USER.password}`).toString("base64");
      return JSON.stringify({ auths: { [registry.host]: { auth } } });
    }

    function pullSecret(): object {
      return {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "pull", namespace: "default" },
        type: "kubernetes.io/dockerconfigjson",
        data: { ".dockerconfigjson": Buffer.from(dockerConfig()).toString("base64") },
      };
    }

    async function degraded(): Promise<string> {
      return field("{.status.conditions[?(@.type=='Degraded')].message}");
    }

    async function field(path: string): Promise<string> {
      return cluster.kubectl(["get", "wasmapp", "private", "-o", `jsonpath=${path}`]);
    }
  },
);
