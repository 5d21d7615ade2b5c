import fc from "fast-check";
import { expect, test } from "vitest";
import { Places } from "./places.ts";

/** What happens to an app's places: a request comes, one that has a place ends, or one that waits leaves. */
type Step = { kind: "come" } | { kind: "end" | "leave"; which: number };

const WHICH = fc.nat();
const STEPS: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Step>({ kind: "come" }) },
    { weight: 2, arbitrary: WHICH.map((which): Step => ({ kind: "end", which })) },
    { weight: 1, arbitrary: WHICH.map((which): Step => ({ kind: "leave", which })) },
  ),
  { maxLength: 200, size: "max" },
);

/** Requests and where each is; what the places tell is kept as they tell it. */
class Requests {
  readonly #places: Places;
  readonly served: number[] = [];
  readonly waiting: number[] = [];
  /** In the order in which they got their place after a wait, and in which they should have. */
  readonly told: number[] = [];
  readonly due: number[] = [];
  came = 0;
  ended = 0;
  left = 0;
  refused = 0;

  constructor(limit: number) {
    this.#places = new Places(limit);
  }

  do(step: Step): void {
    if (step.kind === "come") this.#come();
    else if (step.kind === "end") this.#end(step.which);
    else this.#leave(step.which);
  }

  #come(): void {
    const id = this.came++;
    if (this.#places.take()) return void this.served.push(id);
    if (this.#places.wait(id, () => this.#placed(id))) this.waiting.push(id);
    else this.refused++;
  }

  #placed(id: number): void {
    this.told.push(id);
    this.waiting.splice(this.waiting.indexOf(id), 1);
    this.served.push(id);
  }

  #end(which: number): void {
    if (this.served.length === 0) return;
    this.served.splice(which % this.served.length, 1);
    this.ended++;
    this.due.push(...this.waiting.slice(0, 1));
    this.#places.free();
  }

  #leave(which: number): void {
    if (this.waiting.length === 0) return;
    const [id] = this.waiting.splice(which % this.waiting.length, 1);
    this.left++;
    this.#places.leave(id);
  }
}

test("places: never more than the limit, no request lost, and whoever waited longest is next", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), STEPS, (limit, steps) => {
      const requests = new Requests(limit);
      for (const step of steps) {
        requests.do(step);
        const { served, waiting, came, ended, left, refused, told, due } = requests;
        expect(served.length).toBeLessThanOrEqual(limit);
        expect(waiting.length).toBeLessThanOrEqual(4 * limit);
        // Nobody waits while there is a place.
        if (served.length < limit) expect(waiting).toEqual([]);
        expect(served.length + waiting.length + ended + left + refused).toBe(came);
        expect(told).toEqual(due);
      }
    }),
  );
});

test("places: a request is refused only when all places are taken and the queue is full", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.nat(60), (limit, extra) => {
      const requests = new Requests(limit);
      for (let count = 0; count < 5 * limit + extra; count++) requests.do({ kind: "come" });
      expect([requests.served.length, requests.waiting.length, requests.refused]).toEqual([limit, 4 * limit, extra]);
    }),
  );
});
