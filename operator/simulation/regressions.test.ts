import { describe, expect, test } from "vitest";
import { BASE_SCENARIOS, scenario } from "./base-scenarios.ts";
import type { Scenario } from "./scenario.ts";
import { simulate } from "./simulation.ts";
import type { Wish } from "./users.ts";

/* What the simulator found, in few steps. */

const PORTS = { first: 20_000, last: 20_001 };

function apply(app: string, wish: Partial<Wish> = {}): { do: "apply"; app: string; wish: Wish } {
  return { do: "apply", app, wish: { replicas: 1, version: 1, ...wish } };
}

const FOUND: [string, Scenario][] = [
  [
    "an app for http that was a command has no endpoint before it listens",
    scenario(1, [
      [1000, apply("hello", { isCommand: true })],
      [5000, apply("hello", { version: 2 })],
    ]),
  ],
  [
    "a bad revision that comes while a node runtime starts anew does not cost what served before",
    scenario(1, [
      [1000, apply("hello")],
      [10_000, { do: "restart-runtime", node: "node-1" }],
      [700, apply("hello", { version: 2, isBad: true })],
    ]),
  ],
  [
    "an app gets no port at which another serves that became a command in a revision that does not start",
    scenario(
      1,
      [
        [1000, apply("hello")],
        [10_000, apply("hello", { version: 2, isCommand: true, isBad: true })],
        [10_000, { do: "move-lead" }],
        [5000, apply("shop")],
      ],
      { ports: PORTS },
    ),
  ],
  [
    "a machine that restarts in the middle of a handover ends with the newer of two pods",
    scenario(1, [
      [1000, apply("hello")],
      [20_000, { do: "replace-pod", node: "node-1" }],
      [150, { do: "restart-runtime", node: "node-1" }],
      [20, { do: "reboot", node: "node-1" }],
    ]),
  ],
  [
    "an app that waits for room gets what another one leaves",
    scenario(
      3,
      [
        [1000, apply("hello", { replicas: 2 })],
        [1000, apply("shop", { replicas: 2 })],
        [9000, { do: "scale", app: "hello", replicas: 1 }],
      ],
      { maxAppsPerNode: 1 },
    ),
  ],
  [
    "an app that waits for a port gets that of one that is deleted",
    scenario(
      2,
      [
        [1000, apply("hello")],
        [1000, apply("shop")],
        [1000, apply("blog")],
        [9000, { do: "delete", app: "hello" }],
      ],
      {
        ports: PORTS,
      },
    ),
  ],
];

describe("simulation", () => {
  test.each(FOUND)("%s", async (_what, found) => {
    const { violations } = await simulate({ scenario: found, seed: 1 });
    expect(violations).toEqual([]);
  });

  test("an edit whose event is older than our own write is not lost", async () => {
    const edits = BASE_SCENARIOS["edits that overtake each other"]!;
    for (let index = 30; index < 60; index++) {
      const planted = { kind: "delay-event", index } as const;
      expect((await simulate({ scenario: edits, seed: 1, planted })).violations).toEqual([]);
    }
  });

  test.each([5, 11, 17, 20])("a Service that somebody creates %d ms later stays theirs", async (ms) => {
    const steps = [
      [1000, apply("hello")],
      [ms, { do: "create-service", name: "hello" }],
    ] as const;
    const { violations } = await simulate({ scenario: scenario(1, steps), seed: 1 });
    expect(violations).toEqual([]);
  });
});
