/** A range of ports, both ends included. */
export interface PortRange {
  first: number;
  last: number;
}

/*
 * Which app has which port of a pool. While it moves to another pool an app has one in each. What apps, replicas and Services say is what counts; a port that was just given is
 * remembered until one of them says so. Ports are given in turn, so that one that became free rests for as long as
 * possible: connections to the app that had it may still be on their way.
 */
export class Ports {
  /** Apps by pool and port. */
  readonly #holders = new Map<string, Map<number, string>>();
  /** What each app holds, by pool. */
  readonly #held = new Map<string, Map<string, number>>();
  readonly #last = new Map<string, number>();

  /**
   * Returns the app's port: the one that was recorded for it, unless another app of the pool has that, else a free one of
   * the range; undefined when none is left.
   */
  assign(pool: string, app: string, range: PortRange, recorded: number | undefined): number | undefined {
    const held = this.#held.get(app)?.get(pool);
    if (held !== undefined && (recorded === undefined || recorded === held)) return held;
    if (recorded !== undefined && this.#take(pool, recorded, app)) return recorded;
    return held ?? this.#give(pool, app, range);
  }

  /** Frees the app's ports, but for those of some pools. */
  release(app: string, except: ReadonlySet<string> = new Set()): void {
    for (const pool of this.#held.get(app)?.keys() ?? []) if (!except.has(pool)) this.#free(pool, app);
  }

  #free(pool: string, app: string): void {
    const held = this.#held.get(app);
    const port = held?.get(pool);
    if (held === undefined || port === undefined) return;
    this.#of(pool).delete(port);
    held.delete(pool);
    if (held.size === 0) this.#held.delete(app);
  }

  #give(pool: string, app: string, { first, last }: PortRange): number | undefined {
    const size = last - first + 1;
    const after = Math.min(Math.max(this.#last.get(pool) ?? first - 1, first - 1), last);
    for (let step = 1; step <= size; step++) {
      const port = first + ((after - first + step) % size);
      if (!this.#take(pool, port, app)) continue;
      this.#last.set(pool, port);
      return port;
    }
    return undefined;
  }

  /** Takes a port for an app, which gives up the one it had in the pool; false when another app has it. */
  #take(pool: string, port: number, app: string): boolean {
    const holders = this.#of(pool);
    if ((holders.get(port) ?? app) !== app) return false;
    this.#free(pool, app);
    holders.set(port, app);
    const held = this.#held.get(app) ?? new Map<string, number>();
    this.#held.set(app, held.set(pool, port));
    return true;
  }

  #of(pool: string): Map<number, string> {
    const known = this.#holders.get(pool);
    if (known !== undefined) return known;
    const made = new Map<number, string>();
    this.#holders.set(pool, made);
    return made;
  }
}
