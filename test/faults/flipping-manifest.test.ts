import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder, type Manifest } from "../harness.ts";
import { childrenOf, serve } from "../served-runtime.ts";

const PROBE = readFileSync(guestFile("probe"));
const FLIPS = 300;
const FLIP_INTERVAL_MS = 10;
/** Two preparers, and a cell with its replacement. */
const MAX_CHILDREN = 4;

const temporary = makeTemporaryFolder();

afterAll(() => temporary.remove());

test("contract: of a manifest that flips a hundred times a second the last version serves, and nothing is left of the others", async () => {
  const runtime = await serve([version(0)], join(temporary.path, "cache"), ["--cells", "1"]);
  try {
    const url = await runtime.urlOf("probe");
    const open = descriptorsOf(runtime.pid);
    let most = 0;
    const statuses = new Set<number>();
    for (let flip = 1; flip <= FLIPS; flip++) {
      replace(runtime.folder, version(flip));
      if (flip % 20 === 0) statuses.add((await get(`${url}/hello`)).status);
      most = Math.max(most, childrenOf(runtime.pid).length);
      await delay(FLIP_INTERVAL_MS); // the pace is what is tried
    }
    replace(runtime.folder, version(FLIPS + 1));
    while (!(await get(`${url}/env`)).body.includes(`VERSION=${FLIPS + 1}\n`));
    expect(statuses).toEqual(new Set([200]));
    expect(most).toBeLessThanOrEqual(MAX_CHILDREN);
    const [app] = await runtime.apps();
    expect([app?.state, app?.urls[0]]).toEqual(["Ready", url]);
    while (childrenOf(runtime.pid).length > 1) await delay(1);
    // A few are those of the watched folder and of clients that have just gone.
    expect(descriptorsOf(runtime.pid)).toBeLessThanOrEqual(open + 5);
    expect(readdirSync(join(temporary.path, "cache", "temp"))).toEqual([]);
  } finally {
    await runtime.remove();
  }
});

/** Puts the manifest there whole: one that is half written would be none. */
function replace(folder: string, manifest: Manifest): void {
  const next = join(folder, ".next");
  writeFileSync(next, JSON.stringify(manifest));
  renameSync(next, join(folder, "apps.yaml"));
}

/** Another artifact every few versions, which differs by a custom section at its end, so that there is much to prepare. */
function version(number: number): Manifest {
  const variant = Math.floor(number / 5);
  const file = join(temporary.path, `probe-${variant}.wasm`);
  const name = Buffer.from(String(variant));
  writeFileSync(file, Buffer.concat([PROBE, Buffer.from([0, name.length + 1, name.length]), name]));
  return appManifest("probe", file, { spec: { env: [{ name: "VERSION", value: String(number) }] } });
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
