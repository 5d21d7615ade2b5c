import { CpuMeter, type CpuAccount } from "./cpu-time.ts";
import type { Limit } from "./limits.ts";
import type { AppStats, Failure } from "./protocol.ts";

/** Durations kept between two reports; requests beyond them are counted without one. */
const MAX_SAMPLES = 10_000;
const MAX_STARTS = 1000;

type Start = AppStats["starts"][number];

/** Collects what happens to one app until the next report. */
export class StatsCollector {
  /** By class of status, negative for cold starts. */
  #requests = new Map<number, { code: string; start: Start["start"]; count: number; seconds: number[] }>();
  #starts: Start[] = [];
  #startFailure: Failure | undefined;
  #limitHits: Partial<Record<Limit, number>> = {};
  #egressDenied = 0;
  /** The time that the app's guests have the thread. */
  readonly cpu: CpuAccount;

  constructor(meter: CpuMeter = new CpuMeter(), app = 0) {
    this.cpu = meter.open(app);
  }

  /** Notes one answered request. */
  request(status: number, start: Start["start"], seconds: number): void {
    const statusClass = Math.floor(status / 100);
    const key = start === "cold" ? -statusClass : statusClass;
    let entry = this.#requests.get(key);
    if (entry === undefined) {
      this.#requests.set(key, (entry = { code: `${statusClass}xx`, start, count: 0, seconds: [] }));
    }
    entry.count++;
    if (entry.seconds.length < MAX_SAMPLES) entry.seconds.push(seconds);
  }

  /** Notes one start of an instance with its phases in seconds, up to its first response. */
  start(start: Start["start"], phases: Start["phases"], firstResponseSeconds: number): void {
    this.#startFailure = undefined;
    if (this.#starts.length >= MAX_STARTS) return;
    this.#starts.push({ start, phases: { ...phases, first_response: firstResponseSeconds } });
  }

  /** Notes that an instance could not be started. */
  startFailed(failure: Failure): void {
    this.#startFailure = failure;
  }

  /** Notes that a limit stopped something. */
  limitHit(limit: Limit): void {
    this.#limitHits[limit] = (this.#limitHits[limit] ?? 0) + 1;
  }

  /** Notes that an outgoing connection was refused. */
  egressDenied(): void {
    this.#egressDenied++;
  }

  /** Returns what was collected and begins anew. */
  take(): Pick<AppStats, "requests" | "starts" | "startFailure" | "limitHits" | "egressDenied" | "cpuSeconds"> {
    const taken = {
      requests: [...this.#requests.values()],
      starts: this.#starts,
      ...(this.#startFailure && { startFailure: this.#startFailure }),
      limitHits: this.#limitHits,
      egressDenied: this.#egressDenied,
      cpuSeconds: this.cpu.takeSeconds(),
    };
    this.#requests = new Map();
    this.#starts = [];
    this.#startFailure = undefined;
    this.#limitHits = {};
    this.#egressDenied = 0;
    return taken;
  }
}
