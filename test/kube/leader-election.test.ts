import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { LEASES } from "../../kube/resources.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";

const LEASE = { namespace: "default", name: "election" };

let plane: ControlPlane;

interface Candidate extends Disposable {
  process: ChildProcess;
  said: { text: string; atMs: number }[];
}

function startCandidate(identity: string): Candidate {
  const program = new URL("election-candidate.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, plane.cluster.kubeconfig, identity], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said: Candidate["said"] = [];
  createInterface(child.stdout).on("line", (text) => said.push({ text, atMs: performance.now() }));
  return { process: child, said, [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

const holder = async (): Promise<string | undefined> =>
  (await plane.client.get(LEASES, LEASE))?.spec?.holderIdentity ?? undefined;

describe.skipIf(!needCluster("control-plane"))("leader election with a real API server", () => {
  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane?.[Symbol.asyncDispose]());

  test("election: contract: who is killed is followed after the lease's duration, who stops at once", async () => {
    using a = startCandidate("a");
    await vi.waitFor(async () => expect(await holder()).toBe("a"), 20_000);
    using b = startCandidate("b");
    using c = startCandidate("c");
    await vi.waitFor(() => expect(a.said).toHaveLength(1), 5000);
    // Long enough for the others to be waiting.
    await vi.waitFor(async () => expect((await plane.client.get(LEASES, LEASE))?.spec?.renewTime).toBeDefined());
    const killedMs = performance.now();
    a.process.kill("SIGKILL");
    await vi.waitFor(() => expect([...b.said, ...c.said]).toHaveLength(1), { timeout: 30_000, interval: 20 });
    const [{ text, atMs }] = [...b.said, ...c.said] as [{ text: string; atMs: number }];
    expect(text).toBe("started");
    expect(atMs - killedMs).toBeGreaterThan(3000);
    const [leader, other] = b.said.length === 1 ? [b, c] : [c, b];
    const stoppedMs = performance.now();
    leader.process.kill("SIGTERM");
    await once(leader.process, "exit");
    await vi.waitFor(() => expect(other.said).toHaveLength(1), { timeout: 10_000, interval: 20 });
    expect(other.said[0]!.atMs - stoppedMs).toBeLessThan(4000);
    expect((await plane.client.get(LEASES, LEASE))?.spec?.leaseTransitions).toBe(2);
  });
});
