import { messageOf } from "../../common/errors.ts";
import { LineChild } from "../line-child.ts";
import type { Effort } from "../options.ts";
import { readResidentBytes } from "../../startup/process-stats.ts";
import { guestFile } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import { OWN_ENGINE } from "./in-process.ts";

/*
 * How many apps one process carries, after one request each, and what each of them takes: resident memory, less that of the
 * same process with one app. Each app has its program and its instance, all of the same artifact. More and more are made until
 * there are as many as asked for, one is refused, the process ends or time is up.
 */

const GUEST = "hello-rust";
/** Small: time is looked at after each. */
const STEP = 100;

/** As a cell has it. */
const HEAP = "--max-old-space-size=2048";

interface Made {
  live: number;
  /** Why there is not one more. */
  refused?: string;
}

/** Measures apps that live at once, and their memory. */
export async function measureDensity({ liveApps, liveSeconds }: Effort): Promise<Findings> {
  const child = new LineChild(process.execPath, [HEAP, OWN_ENGINE, guestFile(GUEST)]);
  try {
    await child.ask("live 1");
    const before = readResidentBytes(child.pid);
    let after = before;
    let made: Made = { live: 1 };
    const end = performance.now() + liveSeconds * 1000;
    while (made.live < liveApps && made.refused === undefined) {
      if (performance.now() > end) {
        made.refused = `no more were made after ${liveSeconds} s`;
        break;
      }
      made = await makeMore(child, made.live, Math.min(made.live + STEP, liveApps));
      after = readResidentBytes(child.pid) ?? after; // of a process that ended, what it had
    }
    const each = before === null || after === null ? undefined : (after - before) / (made.live - 1);
    return {
      samples: [],
      notes: [describe(made, each)],
      figures: { liveApps: made.live, ...(each !== undefined && { residentBytesEach: each }) },
    };
  } finally {
    await child.stop();
  }
}

/** A process that ends had as many as it said last. */
async function makeMore(child: LineChild, live: number, wanted: number): Promise<Made> {
  try {
    return (await child.ask(`live ${wanted}`)) as Made;
  } catch (thrown) {
    return { live, refused: messageOf(thrown).slice(0, 200) };
  }
}

function describe({ live, refused }: Made, each: number | undefined): string {
  const memory = each === undefined ? "of unknown size" : `${(each / 1024).toFixed(0)} KiB resident each`;
  return `density: ${live} live apps of ${GUEST} in one process, ${memory}; ${refused ?? "as many as were asked for"}`;
}
