import type { AppStats, LogLine } from "../cell/protocol.ts";
import type { RuntimeMetrics } from "../metrics/runtime-metrics.ts";
import type { RuntimeLog } from "../runtime-api.ts";
import { CellGroup } from "./cell-group.ts";
import { SpareCells } from "./spare-cells.ts";

/** What cells tell their owner. */
export interface CellGroupsEvents {
  logs(lines: readonly LogLine[]): void;
  stats(stats: readonly AppStats[], cell: string): void;
  /** This app ended a cell. */
  blamed(app: string): void;
}

/** The cells of a node: groups of them by name, and those that stand by. */
export class CellGroups {
  readonly #size: number;
  readonly #metrics: RuntimeMetrics;
  readonly #log: RuntimeLog;
  readonly #events: CellGroupsEvents;
  readonly #groups = new Map<string, CellGroup>();
  readonly #spares: SpareCells;

  /** `cells` is how many a group has unless it asks for another number. */
  constructor(
    { cells, spareCells = 0, log }: { cells: number; spareCells?: number | undefined; log: RuntimeLog },
    metrics: RuntimeMetrics,
    events: CellGroupsEvents,
  ) {
    this.#size = cells;
    this.#metrics = metrics;
    this.#log = log;
    this.#events = events;
    this.#spares = new SpareCells(spareCells, {
      changed: (ready) => metrics.spareCells.set(ready),
      taken: (from) => metrics.cellsTaken.inc({ from }),
    });
  }

  /** Starts those that stand by. */
  start(): void {
    this.#spares.fill();
  }

  /** Returns the group of a name, started when it is new: of as many cells as usual, or `size`. */
  get(name: string, size = this.#size): CellGroup {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const group = new CellGroup(size, {
      takeCell: (events) => this.#spares.take(events),
      logs: (lines) => this.#events.logs(lines),
      stats: (stats, cell) => this.#events.stats(stats, `${name} ${cell}`),
      changed: () => this.#count(),
      replaced: (milliseconds) => this.#metrics.cellReplacement.observe(milliseconds / 1000),
      died: (why, culprit) => this.#died(name, why, culprit),
    });
    this.#groups.set(name, group);
    // It may have got a cell that was ready before.
    this.#count();
    return group;
  }

  /** Ends the group of this name, if no app is in it. */
  endEmpty(name: string): void {
    const group = this.#groups.get(name);
    if (group?.isEmpty !== true) return;
    this.#groups.delete(name);
    void group.stop(0);
  }

  /** Asks all cells for their counters; resolves when all answered or `timeoutMs` passed. */
  async collect(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#groups.values()].map((group) => group.collect(timeoutMs)));
  }

  /** Drains all cells and ends them; what is not done after `graceMs` is cut. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all([this.#spares.stop(), ...[...this.#groups.values()].map((group) => group.stop(graceMs))]);
  }

  /** Process ids: for tests that end one. */
  get pids(): { cells: number[]; spares: number[] } {
    return { cells: [...this.#groups.values()].flatMap(({ pids }) => pids), spares: this.#spares.pids };
  }

  #died(name: string, why: string, culprit: string | undefined): void {
    this.#metrics.cellRestarts.inc();
    const who = culprit === undefined ? "" : `; ${culprit} had its thread`;
    this.#log.warn(`a cell ${why}${who}; it is replaced`, { group: name, ...(culprit && { app: culprit }) });
    if (culprit !== undefined) this.#events.blamed(culprit);
  }

  #count(): void {
    this.#metrics.cells.set([...this.#groups.values()].reduce((sum, { liveCells }) => sum + liveCells, 0));
  }
}
