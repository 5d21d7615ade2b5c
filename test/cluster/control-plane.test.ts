import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { repositoryFile } from "../harness.ts";
import { startCluster, takeDownForsaken } from "./cluster.ts";
import { processesOf } from "./processes.ts";
import { needCluster } from "./shared-cluster.ts";
import { clusterTraces } from "./traces.ts";

describe.skipIf(!needCluster("control-plane"))("control plane alone", () => {
  test("two are up beside each other, know nothing of each other, and leave nothing", async () => {
    const folders: string[] = [];
    {
      await using first = await startCluster({ level: "control-plane", controllerManager: true });
      await using second = await startCluster({ level: "control-plane" });
      folders.push(first.folder ?? "", second.folder ?? "");
      expect(first.server).not.toBe(second.server);
      await first.kubectl(["create", "namespace", "only-here"]);
      await expect(second.kubectl(["get", "namespace", "only-here"])).rejects.toThrow("NotFound");
      // The controller manager's work.
      await first.kubectl(["wait", "--for=create", "serviceaccount/default", "-n", "only-here", "--timeout=20s"]);
      await first.stopApiServer();
      await first.startApiServer();
      expect(await first.kubectl(["get", "namespace", "only-here", "-o", "name"])).toBe("namespace/only-here\n");
    }
    for (const folder of folders) expect(clusterTraces(folder)).toEqual([]);
  });

  test("one whose owner was killed is taken down by whoever comes next", async () => {
    const program = `
      import { startCluster } from ${JSON.stringify(repositoryFile("test/cluster/cluster.ts"))};
      const { folder } = await startCluster({ level: "control-plane" });
      console.log(folder);
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let folder = "";
    for await (const line of createInterface({ input: child.stdout })) {
      folder = line;
      break;
    }
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    expect(processesOf(folder)).toHaveLength(2);
    await takeDownForsaken();
    expect(processesOf(folder)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });
});
