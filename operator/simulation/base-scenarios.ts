import type { Action, Mishap, Scenario, Step } from "./scenario.ts";
import type { Wish } from "./users.ts";

const PORTS = { first: 20_000, last: 20_100 };

function apply(app: string, version: number, wish: Partial<Wish> = {}): Action {
  return { do: "apply", app, wish: { replicas: 2, version, ...wish } };
}

/** Returns a scenario of steps, each with the time since the one before, in milliseconds. */
export function scenario(
  nodes: number,
  steps: readonly (readonly [number, Action | Mishap])[],
  { ports = PORTS, maxAppsPerNode = 1000, hasEdge = false }: Partial<Scenario> = {},
): Scenario {
  let atMs = 0;
  const timed = steps.map(([waitMs, step]): Step => ({ atMs: (atMs += waitMs), step }));
  return { nodes, ports, maxAppsPerNode, hasEdge, steps: timed };
}

/** What users do every day, in a few steps: each is gone through with a fault at every place. */
export const BASE_SCENARIOS: Readonly<Record<string, Scenario>> = {
  "a rollout, and one that is taken back": scenario(3, [
    [1000, apply("hello", 1, { replicas: 3 })],
    [20_000, apply("hello", 2, { replicas: 3 })],
    [20_000, apply("hello", 3, { replicas: 3, isBad: true })],
    [20_000, apply("hello", 2, { replicas: 3 })],
  ]),
  "edits that overtake each other": scenario(2, [
    [1000, apply("hello", 1)],
    [800, apply("hello", 2)],
    [300, { do: "scale", app: "hello", replicas: 1 }],
    [500, apply("hello", 3)],
    [150, { do: "restart", app: "hello" }],
    [900, apply("hello", 4)],
  ]),
  "an app that is deleted and made anew": scenario(2, [
    [1000, apply("hello", 1)],
    [1, apply("shop", 1)],
    [10_000, { do: "delete", app: "hello" }],
    [50, apply("hello", 2)],
    [1000, { do: "delete", app: "shop" }],
    [2000, apply("blog", 1)],
  ]),
  "a bad revision, and a node that restarts": scenario(3, [
    [1000, apply("hello", 1)],
    [20_000, apply("hello", 2, { isBad: true })],
    [10_000, { do: "restart-runtime", node: "node-1" }],
    [10_000, { do: "reboot", node: "node-2" }],
    [40_000, { do: "replace-pod", node: "node-3" }],
  ]),
  "a pool that is too small": scenario(
    2,
    [
      [1000, apply("hello", 1)],
      [1000, apply("shop", 1)],
      [5000, { do: "scale", app: "hello", replicas: 1 }],
      [5000, apply("blog", 1, { replicas: 1 })],
      [5000, { do: "delete", app: "hello" }],
    ],
    { maxAppsPerNode: 1, ports: { first: 20_000, last: 20_001 } },
  ),
  "a lead that moves": scenario(3, [
    [1000, apply("hello", 1)],
    [10_000, apply("hello", 2)],
    [15, { do: "move-lead" }],
    [10, apply("shop", 1)],
    [5000, { do: "scale", app: "hello", replicas: 3 }],
    [20, { do: "move-lead" }],
  ]),
  "a rollout with strategy Recreate, and one that is taken back": scenario(3, [
    [1000, apply("hello", 1, { replicas: 3, isRecreated: true })],
    [20_000, apply("hello", 2, { replicas: 2, isRecreated: true })],
    [900, { do: "replace-pod", node: "node-1" }],
    [20_000, apply("hello", 3, { replicas: 3, isRecreated: true, isBad: true })],
    [10_000, { do: "restart-runtime", node: "node-2" }],
    [10_000, apply("hello", 2, { replicas: 3, isRecreated: true })],
    [500, { do: "restart", app: "hello" }],
    [20_000, { do: "remove-node", node: "node-3" }],
    [10, apply("hello", 4, { replicas: 3, isRecreated: true })],
  ]),
  "an app that moves to another pool and back": scenario(
    3,
    [
      [1000, apply("hello", 1)],
      [1000, apply("shop", 1, { isAtEdge: true })],
      [15_000, apply("hello", 1, { isAtEdge: true })],
      [800, { do: "move-lead" }],
      [15_000, apply("hello", 2)],
      [15_000, apply("hello", 3, { isAtEdge: true, isBad: true })],
      [15_000, apply("hello", 2, { isAtEdge: true, isRecreated: true })],
      [15_000, apply("hello", 3, { isRecreated: true })],
    ],
    { hasEdge: true },
  ),
  "secrets, commands and a Service of somebody else": scenario(2, [
    [1000, apply("hello", 1, { secret: "keys" })],
    [3000, { do: "write-secret", name: "keys" }],
    [8000, { do: "write-secret", name: "keys" }],
    [8000, apply("hello", 2, { isCommand: true })],
    [8000, { do: "create-service", name: "hello" }],
    [3000, apply("hello", 3)],
    [5000, { do: "delete-service", name: "hello" }],
  ]),
};
