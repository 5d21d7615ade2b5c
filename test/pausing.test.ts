import { afterAll, beforeAll, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  metric,
  repositoryFile,
  startTestRuntime,
  type TestRuntime,
  untilApp,
  urlOf,
} from "./harness.ts";

const CPU_LIMIT = { limits: { cpuTimePerRequest: "50ms", requestTimeoutSeconds: 30 } };
const IMAGE = "/?width=640&height=480";

const cache = makeTemporaryFolder();
let runtime: TestRuntime;

beforeAll(async () => {
  const command = { spec: { trigger: { command: { args: ["spin", "60000"], restartPolicy: "Never" } }, ...CPU_LIMIT } };
  runtime = await startTestRuntime(
    [
      appManifest("runaway", guestFile("probe"), { spec: { limits: { requestTimeoutSeconds: 30 } } }),
      appManifest("image", repositoryFile("examples/image-rust/image-rust.wasm")),
      appManifest("kept", repositoryFile("examples/image-rust/image-rust.wasm"), {
        spec: { isolation: { reuse: "Instance" } },
      }),
      appManifest("quick", guestFile("probe")),
      appManifest("limited", guestFile("probe"), { spec: CPU_LIMIT }),
      appManifest("limited-p3", guestFile("probe-p3"), { spec: CPU_LIMIT }),
      appManifest("limited-command", guestFile("command"), command),
      appManifest("limited-command-p1", guestFile("command-p1"), command),
    ],
    cache.path,
    { cells: 1 },
  );
});

afterAll(async () => {
  await runtime.stop(1000);
  cache.remove();
});

test("contract: while one app computes for its whole time, others of its cell are served", async () => {
  const [runaway, quick, image] = [
    await urlOf(runtime, "runaway"),
    await urlOf(runtime, "quick"),
    await urlOf(runtime, "image"),
  ];
  const expected = await get(image + IMAGE);
  const leave = new AbortController();
  let isOver = false;
  const endless = get(`${runaway}/loop`, { signal: leave.signal }).finally(() => (isOver = true));
  for (let round = 0; round < 50; round++) {
    expect((await get(`${quick}/hello`)).status).toBe(200);
    if (round % 10 === 0) expect((await get(image + IMAGE)).body).toBe(expected.body);
  }
  expect(isOver).toBe(false);
  leave.abort();
  await expect(endless).rejects.toThrow();
});

test.each(["image", "kept"])("contract: %s computes the same in pieces, many at a time", async (name) => {
  const url = (await urlOf(runtime, name)) + IMAGE;
  const expected = await get(url);
  expect(expected.status).toBe(200);
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(url)));
  for (const { status, body } of answers) expect([status, body === expected.body]).toEqual([200, true]);
});

test("contract: what is computed for a client that left ends", async () => {
  const [url, quick] = [await urlOf(runtime, "runaway"), await urlOf(runtime, "quick")];
  const [leave, before] = [new AbortController(), await cpuSeconds("runaway")];
  const left = get(`${url}/loop`, { signal: leave.signal });
  left.catch(() => {});
  await expect.poll(() => cpuSeconds("runaway")).toBeGreaterThan(before);
  leave.abort();
  await expect(left).rejects.toThrow();
  const spent = async (): Promise<number> => {
    const earlier = await cpuSeconds("runaway");
    await get(`${quick}/hello`);
    return (await cpuSeconds("runaway")) - earlier;
  };
  await expect.poll(spent).toBe(0);
});

test("contract: what waited behind many that compute long is all served once those end", async () => {
  const [url, quick] = [await urlOf(runtime, "runaway"), await urlOf(runtime, "quick")];
  const [leave, before] = [new AbortController(), await cpuSeconds("runaway")];
  const loops = Array.from({ length: 8 }, () => get(`${url}/loop`, { signal: leave.signal }));
  const left = Promise.allSettled(loops);
  await expect.poll(() => cpuSeconds("runaway"), { timeout: 20_000 }).toBeGreaterThan(before + 0.1);
  const waiting = Array.from({ length: 30 }, () => get(`${url}/hello`));
  // Each takes a turn of the cell's event loop, in which another of those comes to wait.
  for (let round = 0; round < 60; round++) await get(`${quick}/hello`);
  leave.abort();
  await left;
  const answers = await Promise.all(waiting);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
});

test.each(["limited", "limited-p3"])(
  "contract: %s gets 504 when its CPU time is over, not for waiting",
  async (name) => {
    const url = await urlOf(runtime, name);
    const slept = await get(`${url}/sleep?ms=300`);
    expect(slept.status).toBe(200);
    const looped = await get(`${url}/loop`);
    expect(looped).toMatchObject({ status: 504, headers: { "x-wasmlet-error": "GUEST_CPU_LIMIT" } });
    expect(JSON.parse(looped.body)).toMatchObject({
      code: "GUEST_CPU_LIMIT",
      message: expect.stringContaining("50 ms"),
    });
    expect(await metric(runtime, "wasmlet_limit_hits_total", `app="${name}",limit="cpu_time"`)).toBe(1);
    expect((await get(`${url}/hello`)).status).toBe(200);
    const { conditions } = await untilApp(runtime, name, "Ready");
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: "LimitsHit", status: "True", reason: "CpuTime" }),
    );
  },
);

test.each(["limited-command", "limited-command-p1"])(
  "contract: %s is ended when its CPU time is over",
  async (name) => {
    const app = await untilApp(runtime, name, "Failed");
    expect(app).toMatchObject({ reason: "GUEST_CPU_LIMIT" });
  },
);

async function cpuSeconds(name: string): Promise<number> {
  return (await metric(runtime, "wasmlet_app_cpu_seconds_total", `app="${name}"`)) ?? 0;
}
