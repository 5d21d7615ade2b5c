import { afterEach, expect, test, vi } from "vitest";
import type { CellEvents, CellProcess } from "./cell-process.ts";
import { SpareCells } from "./spare-cells.ts";

/** Stands in for a process: a test says when it is ready and when it dies. */
class FakeCell {
  readonly pid: number;
  isAlive = true;
  isReady = false;
  readonly ended = Promise.resolve();
  #events: CellEvents;

  constructor(pid: number, events: CellEvents) {
    this.pid = pid;
    this.#events = events;
  }

  handOver(events: CellEvents): void {
    this.#events = events;
  }

  start(): void {
    this.isReady = true;
    this.#events.message({ type: "ready" });
  }

  kill(): void {
    this.isAlive = this.isReady = false;
    this.#events.exit({ why: "was killed" });
  }
}

const NOBODY: CellEvents = { message: () => {}, exit: () => {} };

function makePool(size: number): { pool: SpareCells; cells: FakeCell[]; ready: number[]; taken: string[] } {
  const [cells, ready, taken]: [FakeCell[], number[], string[]] = [[], [], []];
  const pool = new SpareCells(
    size,
    { changed: (count) => ready.push(count), taken: (from) => taken.push(from) },
    (events) => {
      const cell = new FakeCell(cells.length + 1, events);
      cells.push(cell);
      return cell as unknown as CellProcess;
    },
  );
  return { pool, cells, ready, taken };
}

afterEach(() => vi.useRealTimers());

test("SpareCells: one that is ready is taken before one that starts, and that before a new one", () => {
  const { pool, cells, ready, taken } = makePool(2);
  pool.fill();
  cells[1]!.start();
  expect([1, 2, 3].map(() => pool.take(NOBODY).pid)).toEqual([2, 1, 3]);
  expect(taken).toEqual(["spare", "spare", "new"]);
  expect(ready).toEqual([1, 0, 0]);
  expect(pool.pids).toEqual([]);
});

test("SpareCells: what a cell tells after it was taken is its new owner's to hear", () => {
  const { pool, cells, ready } = makePool(1);
  pool.fill();
  const heard: string[] = [];
  pool.take({ message: ({ type }) => heard.push(type), exit: ({ why }) => heard.push(why) });
  cells[0]!.start();
  cells[0]!.kill();
  expect(heard).toEqual(["ready", "was killed"]);
  expect(ready).toEqual([0]);
});

test("SpareCells: those that were taken or died are made up for after a while, and no more than that", () => {
  vi.useFakeTimers();
  const { pool, cells } = makePool(2);
  pool.fill();
  pool.take(NOBODY);
  cells[1]!.kill();
  expect(pool.pids).toEqual([]);
  vi.advanceTimersByTime(500);
  expect(pool.pids).toEqual([3, 4]);
  vi.advanceTimersByTime(60_000);
  expect(cells).toHaveLength(4);
});

test("SpareCells: where spares die untaken the next come more and more rarely, until one is of use", () => {
  vi.useFakeTimers();
  const { pool, cells } = makePool(1);
  pool.fill();
  const startsMs: number[] = [];
  for (let death = 0; death < 4; death++) {
    const beganMs = Date.now();
    cells.at(-1)!.kill();
    vi.advanceTimersToNextTimer();
    startsMs.push(Date.now() - beganMs);
  }
  expect(startsMs).toEqual([500, 1000, 2000, 4000]);
  pool.take(NOBODY);
  vi.advanceTimersByTime(500);
  cells.at(-1)!.kill();
  vi.advanceTimersByTime(500);
  expect(pool.pids).toEqual([cells.length]);
});

test("SpareCells: a pool of none starts none, and one that was stopped no more", async () => {
  vi.useFakeTimers();
  const none = makePool(0);
  none.pool.fill();
  none.pool.take(NOBODY);
  vi.advanceTimersByTime(60_000);
  expect(none.cells).toHaveLength(1);
  const { pool, cells } = makePool(1);
  pool.fill();
  await pool.stop();
  vi.advanceTimersByTime(60_000);
  pool.fill();
  expect(cells.map(({ isAlive }) => isAlive)).toEqual([false]);
});
