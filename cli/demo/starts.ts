import { join } from "node:path";
import { messageOf } from "../../common/errors.ts";
import type { Config } from "../../config/config.ts";
import { writeOut } from "../output.ts";
import type { Progress } from "../progress.ts";

/** Enough to see what is large and what is small; `wasmlet bench startup` takes more. */
const SAMPLES = 5;

/** Compares how long the same program takes to start as Wasm and as whatever else this machine can start, and prints a table. */
export async function compareInDemo(
  config: Config,
  cacheDir: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { compareStarts } = await import("../../startup/measure.ts");
  const { QUICK_TECHNOLOGIES } = await import("../../startup/technologies.ts");
  const { formatReport } = await import("../../startup/report/format.ts");
  progress.print(
    "Comparing how long the same program takes to start as Wasm, in a container and in a virtual machine …",
  );
  try {
    const comparison = await compareStarts({
      technologies: QUICK_TECHNOLOGIES,
      samples: SAMPLES,
      isWhole: false,
      kernelRoots: [join(cacheDir, "startup-kernel"), "/"],
      debianFolder: join(cacheDir, "startup-debian"),
      searchPath: config.searchPath,
      onProgress: (step) => {
        if (progress.isLive) progress.show(step);
      },
      signal,
    });
    progress.clear();
    writeOut(`\n${formatReport(comparison, 1)}\n`);
  } catch (thrown) {
    progress.clear();
    // The apps are served all the same.
    if (!signal.aborted) progress.print(`starts could not be compared: ${messageOf(thrown)}`);
  }
}
