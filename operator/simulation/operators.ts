import { OperatorProcess } from "./operator-process.ts";
import type { World } from "./world.ts";

/** How long others wait after the leader died, and how long a process takes to start again. */
const LEASE_MS = 15_000;
const RESTART_MS = { first: 500, last: 10_000 };

/**
 * Two operator processes and who of them leads. The lease itself is not simulated: who dies without a word is followed
 * after its lease, who yields at once; where leads overlap, the old one goes on for a moment.
 */
export class Operators {
  readonly #world: World;
  readonly #processes = new Set<OperatorProcess>();
  #leader: OperatorProcess | undefined;
  #started = 0;

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    this.#startProcess();
    this.#startProcess();
    this.#elect();
  }

  /** Ends the process that leads, or the other one. */
  crash(isLeader: boolean): void {
    const victim = [...this.#processes].find((process) => (process === this.#leader) === isLeader);
    victim?.crash("by itself");
  }

  /** The lead goes to the other process. */
  move(): void {
    const old = this.#leader;
    if (old === undefined) return;
    const { scheduler, random, faults } = this.#world;
    this.#leader = undefined;
    const overlapMs = random.chance(faults.overlap) ? random.between(1, 3000) : 0;
    if (overlapMs === 0) void old.yield();
    else scheduler.after(overlapMs, () => old.isAlive && void old.yield());
    scheduler.after(random.between(1, 200), () => this.#elect(old));
  }

  #startProcess(): void {
    const process = new OperatorProcess(this.#world, `op-${++this.#started}`, (dead) => this.#died(dead));
    this.#processes.add(process);
  }

  #died(process: OperatorProcess): void {
    const { scheduler, random } = this.#world;
    this.#processes.delete(process);
    scheduler.after(random.between(RESTART_MS.first, RESTART_MS.last), () => this.#startProcess());
    if (this.#leader !== process) return;
    this.#leader = undefined;
    scheduler.after(LEASE_MS, () => this.#elect());
  }

  #elect(except?: OperatorProcess): void {
    if (this.#leader !== undefined) return;
    const able = [...this.#processes].filter((process) => process.isSynced);
    const chosen = able.find((process) => process !== except);
    if (chosen === undefined) {
      this.#world.scheduler.after(500, () => this.#elect(except));
      return;
    }
    this.#leader = chosen;
    chosen.lead();
  }
}
