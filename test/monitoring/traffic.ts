import { setTimeout as delay } from "node:timers/promises";
import { get } from "../harness.ts";

/** What is asked of `cart`, and how often of a hundred. */
const MIX: readonly { path: string; share: number }[] = [
  { path: "/hello", share: 70 },
  { path: "/spin?ms=3", share: 12 },
  { path: "/sleep?ms=40", share: 8 },
  { path: "/status?code=404", share: 5 },
  { path: "/trap-before", share: 3 },
  // To where it may not.
  { path: "/fetch?url=http%3A%2F%2F169.254.169.254%2Flatest", share: 2 },
];
const HELLO_EVERY_MS = 2500;

/** Clients of the apps: many of `cart`, and one of `hello` that comes so rarely that the app sleeps in between. */
export class Traffic implements AsyncDisposable {
  readonly #urls: Readonly<Record<string, string>>;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[];

  /** `urls` has one for `cart` and one for `hello`. */
  constructor(urls: Readonly<Record<string, string>>) {
    for (const app of ["cart", "hello"]) if (!URL.canParse(urls[app] ?? "")) throw new Error(`${app} has no URL`);
    this.#urls = urls;
    this.#running = [this.#askCart(), this.#askHello()];
  }

  /** Asks `cart` for what its limits stop: more at once than it takes, work that never ends, and a flood of lines. */
  async hitLimits(): Promise<void> {
    // Before the flood: who comes with it may be refused at once instead.
    await Promise.all([this.#ask("cart", "/loop"), this.#ask("cart", "/print?lines=20000")]);
    await Promise.all(Array.from({ length: 200 }, () => this.#ask("cart", "/sleep?ms=300")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  async #askCart(): Promise<void> {
    for (let turn = 0; !this.#stop.signal.aborted; turn++) {
      // A wave, as days have.
      const pauseMs = 60 + 40 * Math.sin(turn / 60);
      void this.#ask("cart", this.#pathOf((turn * 37) % 100));
      await this.#pause(pauseMs);
    }
  }

  async #askHello(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#ask("hello", "/");
      await this.#pause(HELLO_EVERY_MS);
    }
  }

  #pathOf(percent: number): string {
    let sum = 0;
    return MIX.find(({ share }) => (sum += share) > percent)?.path ?? "/hello";
  }

  async #ask(app: string, path: string): Promise<void> {
    // What fails is meant to, or the cell was killed.
    await get(`${this.#urls[app]}${path}`).catch(() => undefined);
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
