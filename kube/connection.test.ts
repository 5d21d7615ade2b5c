import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createFakeTiming } from "../common/fake-timing.ts";
import { connectFromKubeconfig, connectFromPod } from "./connection.ts";

async function makeFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "wasmlet-kube-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

function kubeconfig(user: string): string {
  return `apiVersion: v1
kind: Config
current-context: here
contexts: [{ name: here, context: { cluster: c, user: u } }, { name: there, context: { cluster: d, user: u } }]
clusters:
  - { name: c, cluster: { server: "https://10.0.0.1:6443/prefix", certificate-authority-data: ${btoa("CA")} } }
  - { name: d, cluster: { server: "https://10.0.0.2:6443", insecure-skip-tls-verify: true, tls-server-name: kube } }
users:
  - name: u
    user: ${user}
`;
}

test("connection: a pod uses its token and certificate, and reads them again because they rotate", async () => {
  await using folder = await makeFolder();
  const timing = createFakeTiming();
  await writeFile(join(folder.path, "token"), "first\n");
  await writeFile(join(folder.path, "ca.crt"), "CA 1");
  const { server, token, tls } = connectFromPod({ host: "fd00::1", port: "443", folder: folder.path, timing });
  expect(server.href).toBe("https://[fd00::1]/");
  expect((await token())?.reveal()).toBe("first");
  const before = await tls();
  expect(before).toEqual({ ca: "CA 1" });
  await writeFile(join(folder.path, "token"), "second\n");
  expect((await token())?.reveal()).toBe("first");
  await timing.advance(30_000);
  expect((await token())?.reveal()).toBe("second");
  expect(await tls()).toBe(before);
  await writeFile(join(folder.path, "ca.crt"), "CA 2");
  await timing.advance(30_000);
  expect(await tls()).toEqual({ ca: "CA 2" });
});

test("connection: a pod without its ServiceAccount is told which file is missing", async () => {
  const { token } = connectFromPod({ host: "10.0.0.1", port: "443", folder: "/nowhere" });
  await expect(token()).rejects.toMatchObject({
    code: "KUBE_CONFIG_INVALID",
    message: expect.stringContaining("/nowhere/token"),
  });
});

test("connection: a kubeconfig gives address, certificates and token of a context", async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, "config");
  await writeFile(
    file,
    kubeconfig(`{ token: t0ken, client-certificate-data: ${btoa("CERT")}, client-key-data: ${btoa("KEY")} }`),
  );
  const here = await connectFromKubeconfig(file);
  expect(here.server.href).toBe("https://10.0.0.1:6443/prefix");
  expect((await here.token())?.reveal()).toBe("t0ken");
  const tls = await here.tls();
  expect(tls).toEqual({ ca: Buffer.from("CA"), cert: Buffer.from("CERT"), key: Buffer.from("KEY") });
  expect(await here.tls()).toBe(tls);
  const there = await connectFromKubeconfig(file, { context: "there" });
  expect(await there.tls()).toMatchObject({ rejectUnauthorized: false, servername: "kube" });
});

test("connection: of several kubeconfigs, the first that has a name says what it is", async () => {
  await using folder = await makeFolder();
  const [first, second] = [join(folder.path, "first"), join(folder.path, "second")];
  await writeFile(
    first,
    `contexts: [{ name: elsewhere, context: { cluster: c, user: u, namespace: shop } }]
clusters: [{ name: c, cluster: { server: "https://10.0.0.9:6443" } }]
users: []
`,
  );
  await writeFile(second, kubeconfig("{ token: t0ken }"));
  const here = await connectFromKubeconfig([first, second]);
  expect([here.server.href, here.namespace]).toEqual(["https://10.0.0.9:6443/", undefined]);
  expect((await here.token())?.reveal()).toBe("t0ken");
  const elsewhere = await connectFromKubeconfig([first, second], { context: "elsewhere" });
  expect(elsewhere.namespace).toBe("shop");
  await expect(connectFromKubeconfig([first, second], { context: "nowhere" })).rejects.toMatchObject({
    code: "KUBE_CONFIG_INVALID",
    message: expect.stringContaining("no context nowhere"),
  });
});

test("connection: a kubeconfig's plugin is run again when its token has expired", async () => {
  await using folder = await makeFolder();
  const [file, plugin] = [join(folder.path, "config"), join(folder.path, "plugin.mjs")];
  await writeFile(
    plugin,
    `const status = { token: "t" + process.hrtime.bigint(), expirationTimestamp: "2020-01-01T00:00:00Z" };
     console.log(JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status }));`,
  );
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command: process.execPath, args: [plugin] };
  await writeFile(file, kubeconfig(JSON.stringify({ exec })));
  const timing = createFakeTiming();
  const { token } = await connectFromKubeconfig(file, { timing });
  const [first, ...others] = (await Promise.all([token(), token(), token()])).map((text) => text?.reveal());
  expect(others).toEqual([first, first]);
  expect(first).toMatch(/^t\d+$/);
  expect((await token())?.reveal()).toBe(first);
  await timing.advance(60_000);
  expect((await token())?.reveal()).not.toBe(first);
});

test.each([
  ["is missing", undefined],
  ["is no YAML", "{"],
  ["names no cluster", "apiVersion: v1\nkind: Config\n"],
])("connection: a kubeconfig that %s is refused", async (_, content) => {
  await using folder = await makeFolder();
  const file = join(folder.path, "config");
  if (content !== undefined) await writeFile(file, content);
  await expect(connectFromKubeconfig(file)).rejects.toMatchObject({ code: "KUBE_CONFIG_INVALID" });
});
