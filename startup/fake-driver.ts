import type { Driver, Running } from "./driver.ts";

/** A contender for tests, which counts what is done with it. */
export interface FakeDriver extends Driver {
  readonly started: number;
  readonly stopped: number;
  readonly disposed: number;
}

interface Behaviour {
  /** The start that fails, from 0 on. */
  failsAt?: number;
  /** Where the program answers. */
  url?: string;
}

/** Returns a contender whose starts take no time. */
export function fakeDriver(name: string, { failsAt, url = "http://127.0.0.1:1/" }: Behaviour = {}): FakeDriver {
  const counts = { started: 0, stopped: 0, disposed: 0 };
  const running: Running = {
    url,
    phases: { run: 0.001 },
    memoryBytes: async () => 1,
    cpuSeconds: async () => process.cpuUsage().user / 1e6,
    stop: async () => void counts.stopped++,
  };
  return Object.assign(counts, {
    contender: {
      name,
      technology: "process",
      runtime: "none",
      cache: "warm",
      accelerator: "none",
      what: "nothing",
    } as const,
    sizes: async () => ({ pullBytes: 1, diskBytes: 1 }),
    start: async () => {
      if (counts.started++ === failsAt) throw new Error("it did not start");
      return running;
    },
    [Symbol.asyncDispose]: async () => void counts.disposed++,
  });
}
