/** Measures how fast small objects are written to a real API server: `node test/kube/measure-writes.ts [OBJECTS] [CONCURRENCY]`. */
import { readFileSync } from "node:fs";
import { readState } from "../cluster/state.ts";
import { CONFIG_MAPS } from "../../kube/resources.ts";
import { forEach, makeNamespace, minimalConfigMap, startControlPlane } from "./control-plane.ts";

const TICK_MS = 10;
const [objects = 2000, concurrency = 32] = process.argv.slice(2).map(Number);

await using plane = await startControlPlane();
const { client, cluster } = plane;
const { daemons } = readState(cluster.folder!)!;
const pids = { "kube-apiserver": daemons["kube-apiserver"]!, etcd: daemons["etcd"]!, client: process.pid };

/** Returns the CPU time that a process has used, in milliseconds. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function measure(name: string, work: (n: number) => Promise<unknown>): Promise<void> {
  const before = Object.values(pids).map(cpuMs);
  const beganMs = performance.now();
  await forEach(objects, concurrency, work);
  const seconds = (performance.now() - beganMs) / 1000;
  const after = Object.values(pids).map(cpuMs);
  const cpu = Object.keys(pids).map((who, n) => `${who} ${(after[n]! - before[n]!) / objects} ms`);
  process.stdout.write(`${name}: ${Math.round(objects / seconds)} objects/s; CPU per object: ${cpu.join(", ")}\n`);
}

const created = await makeNamespace(client, "created");
const applied = await makeNamespace(client, "applied");
await forEach(200, concurrency, (n) => client.create(CONFIG_MAPS, minimalConfigMap(created, `warm-up-${n}`)));
await measure("create", (n) => client.create(CONFIG_MAPS, minimalConfigMap(created, `a${n}`)));
await measure("apply, new", (n) => client.apply(CONFIG_MAPS, minimalConfigMap(applied, `a${n}`)));
await measure("apply, changed", (n) => client.apply(CONFIG_MAPS, minimalConfigMap(applied, `a${n}`, "2")));
await measure("apply, the same", (n) => client.apply(CONFIG_MAPS, minimalConfigMap(applied, `a${n}`, "2")));
await measure("merge patch", (n) =>
  client.mergePatch(CONFIG_MAPS, { namespace: applied, name: `a${n}` }, { data: { value: "3" } }),
);
await measure("get", (n) => client.get(CONFIG_MAPS, { namespace: applied, name: `a${n}` }));
