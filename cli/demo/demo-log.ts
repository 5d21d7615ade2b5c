import type { RuntimeLog } from "../../node-runtime/runtime-api.ts";

/** Lines of guests that are kept until the apps are ready; further ones are only counted. */
const MAX_HELD_LINES = 500;

/**
 * The demo's log. Until the apps are ready, what guests print is held back, so that it does not stand between lines of
 * progress, and the runtime's news are left out: progress says the same. What goes wrong is said at once.
 */
export class DemoLog implements RuntimeLog {
  readonly #log: RuntimeLog;
  #held: Parameters<RuntimeLog["guest"]>[] | undefined = [];
  #dropped = 0;
  #tellsNews = false;

  constructor(log: RuntimeLog) {
    this.#log = log;
  }

  info(message: string, fields?: Record<string, unknown>): void {
    if (this.#tellsNews) this.#log.info(message, fields);
  }

  warn(message: string, fields?: Record<string, unknown>): void {
    this.#log.warn(message, fields);
  }

  error(message: string, fields?: Record<string, unknown>): void {
    this.#log.error(message, fields);
  }

  guest(...line: Parameters<RuntimeLog["guest"]>): void {
    if (this.#held === undefined) this.#log.guest(...line);
    else if (this.#held.length < MAX_HELD_LINES) this.#held.push(line);
    else this.#dropped++;
  }

  /** Logs what guests printed so far; from now on it is logged at once. */
  release(): void {
    for (const line of this.#held ?? []) this.#log.guest(...line);
    if (this.#dropped > 0) this.#log.warn(`${this.#dropped} further lines of guests are not shown`);
    this.#held = undefined;
    this.#dropped = 0;
  }

  /** Logs the runtime's news from now on. */
  tellNews(): void {
    this.#tellsNews = true;
  }
}
