import { afterAll, beforeAll, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  type Manifest,
  metric,
  repositoryFile,
  startTestRuntime,
  type TestRuntime,
  untilApp,
  urlOf,
} from "./harness.ts";

/** How much more a guest that computes must have been counted than one that waits as long or longer. */
const CLEARLY_MORE = 5;

const KEPT = { spec: { isolation: { reuse: "Instance" } } };

const cache = makeTemporaryFolder();
let runtime: TestRuntime;

beforeAll(async () => {
  runtime = await startTestRuntime(
    [
      // Kept instances: making one is counted too, and would be most of what a sleeping guest costs.
      appManifest("image", repositoryFile("examples/image-rust/image-rust.wasm"), KEPT),
      appManifest("sleeper", guestFile("probe"), KEPT),
      ...["p3-spins", "p3-sleeps"].map((name) => appManifest(name, guestFile("probe-p3"), KEPT)),
      ...["command", "command-p1"].flatMap((guest) => [
        command(`${guest}-spins`, guest, "spin", "1500"),
        command(`${guest}-sleeps`, guest, "sleep", "300"),
      ]),
    ],
    cache.path,
  );
});

afterAll(async () => {
  await runtime.stop(1000);
  cache.remove();
});

test("app_cpu_seconds_total: a guest that computes costs, one that waits does not", async () => {
  const [image, sleeper] = [await urlOf(runtime, "image"), await urlOf(runtime, "sleeper")];
  for (const url of [`${image}/?width=8&height=8`, `${sleeper}/sleep?ms=1`]) await get(url);
  const before = { image: await cpuSeconds("image"), sleeper: await cpuSeconds("sleeper") };
  // At the same time in the same cell, so that one's time could be taken for the other's.
  const answers = await Promise.all([get(`${sleeper}/sleep?ms=300`), get(`${image}/?width=1280&height=960`)]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  const slept = (await cpuSeconds("sleeper")) - before.sleeper;
  expect(slept).toBeGreaterThan(0);
  expect((await cpuSeconds("image")) - before.image).toBeGreaterThan(CLEARLY_MORE * slept);
});

test("app_cpu_seconds_total: a WASI 0.3 guest that waits does not keep the thread busy", async () => {
  const [spins, sleeps] = [await urlOf(runtime, "p3-spins"), await urlOf(runtime, "p3-sleeps")];
  for (const url of [spins, sleeps]) await get(`${url}/hello`);
  const before = { spins: await cpuSeconds("p3-spins"), sleeps: await cpuSeconds("p3-sleeps") };
  await get(`${spins}/spin?ms=500`);
  await get(`${sleeps}/sleep?ms=500`);
  const slept = (await cpuSeconds("p3-sleeps")) - before.sleeps;
  expect(slept).toBeGreaterThan(0);
  expect((await cpuSeconds("p3-spins")) - before.spins).toBeGreaterThan(CLEARLY_MORE * slept);
});

test.each(["command", "command-p1"])(
  "app_cpu_seconds_total: of a command it is what it computed: %s",
  async (guest) => {
    for (const name of [`${guest}-spins`, `${guest}-sleeps`]) await untilApp(runtime, name, "Completed");
    const spent = await cpuSeconds(`${guest}-sleeps`);
    expect(spent).toBeGreaterThan(0);
    expect(await cpuSeconds(`${guest}-spins`)).toBeGreaterThan(CLEARLY_MORE * spent);
  },
);

test("app_cpu_seconds_total: only grows, and goes with the app", async () => {
  const url = await urlOf(runtime, "sleeper");
  const before = await cpuSeconds("sleeper");
  await get(`${url}/spin?ms=5`);
  expect(await cpuSeconds("sleeper")).toBeGreaterThan(before);
  runtime.write("apps.yaml", appManifest("image", repositoryFile("examples/image-rust/image-rust.wasm")));
  while (runtime.apps().length > 1) await get(`${runtime.managementUrl}/v1/apps`);
  expect(await metric(runtime, "wasmlet_app_cpu_seconds_total", 'app="sleeper"')).toBeUndefined();
  expect(await cpuSeconds("image")).toBeGreaterThan(0);
});

async function cpuSeconds(app: string): Promise<number> {
  return (await metric(runtime, "wasmlet_app_cpu_seconds_total", `app="${app}"`)) ?? 0;
}

function command(name: string, guest: string, ...args: string[]): Manifest {
  return appManifest(name, guestFile(guest), { spec: { trigger: { command: { args, restartPolicy: "Never" } } } });
}
