import type { PortRange } from "../ports.ts";
import { Random } from "./random.ts";
import type { Nodes } from "./nodes.ts";
import type { Operators } from "./operators.ts";
import type { Users, Wish } from "./users.ts";

/** What people do: a run without faults has it too, and ends as the others do. */
export type Action =
  | { do: "apply"; app: string; wish: Wish }
  | { do: "scale"; app: string; replicas: number }
  | { do: "restart" | "delete"; app: string }
  | { do: "write-secret" | "delete-secret" | "create-service" | "delete-service"; name: string }
  | { do: "cordon" | "uncordon" | "add-node" | "remove-node"; node: string }
  | { do: "edit-pool"; ports?: PortRange; maxAppsPerNode?: number };

/** What happens to machines and processes: at the end everything is as if it had not. */
export type Mishap =
  | { do: "restart-runtime" | "reboot" | "replace-pod"; node: string }
  | { do: "isolate"; node: string; milliseconds: number }
  | { do: "crash-leader" | "crash-standby" | "move-lead" };

export interface Step {
  atMs: number;
  step: Action | Mishap;
}

/** A cluster and what happens to it. */
export interface Scenario {
  nodes: number;
  ports: PortRange;
  maxAppsPerNode: number;
  /** Whether there is a second pool on the same nodes, called `edge`. */
  hasEdge?: boolean;
  steps: Step[];
}

const MISHAPS = new Set<string>([
  "restart-runtime",
  "reboot",
  "replace-pod",
  "isolate",
  "crash-leader",
  "crash-standby",
  "move-lead",
]);

export function isMishap({ step }: Step): boolean {
  return MISHAPS.has(step.do);
}

/** Does what a step says. */
export function perform(step: Action | Mishap, users: Users, nodes: Nodes, operators: Operators): void {
  switch (step.do) {
    case "apply":
      return users.apply(step.app, step.wish);
    case "scale":
      return users.scale(step.app, step.replicas);
    case "restart":
      return users.restart(step.app);
    case "delete":
      return users.delete(step.app);
    case "write-secret":
      return users.writeSecret(step.name);
    case "delete-secret":
      return users.deleteSecret(step.name);
    case "create-service":
      return users.createService(step.name);
    case "delete-service":
      return users.deleteService(step.name);
    case "cordon":
      return nodes.cordon(step.node, true);
    case "uncordon":
      return nodes.cordon(step.node, false);
    case "add-node":
      return nodes.add(step.node);
    case "remove-node":
      return nodes.remove(step.node);
    case "edit-pool": {
      const { ports, maxAppsPerNode } = step;
      return users.editPool({ ...(ports && { ports }), ...(maxAppsPerNode !== undefined && { maxAppsPerNode }) });
    }
    case "restart-runtime":
      return nodes.restartRuntime(step.node);
    case "reboot":
      return nodes.reboot(step.node);
    case "replace-pod":
      return nodes.replacePod(step.node);
    case "isolate":
      return nodes.isolate(step.node, step.milliseconds);
    case "crash-leader":
      return operators.crash(true);
    case "crash-standby":
      return operators.crash(false);
    case "move-lead":
      return operators.move();
  }
}

const EDGE_SEED = 2_000_003;
const APPS = ["hello", "shop", "blog", "api"];

/** Returns the scenario of a seed. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const nodes = random.between(1, 5);
  const apps = APPS.slice(0, random.between(1, APPS.length));
  const steps: Step[] = [];
  const hasMishaps = random.chance(0.6);
  let version = 1;
  let atMs = 1000;
  const add = (step: Action | Mishap): void => {
    steps.push({ atMs, step });
    const pace = random.next();
    atMs +=
      pace < 0.4 ? random.between(0, 300) : pace < 0.85 ? random.between(300, 12_000) : random.between(30_000, 120_000);
  };
  add({ do: "write-secret", name: "keys" });
  for (const app of apps) add({ do: "apply", app, wish: wishOf(random, ++version, nodes) });
  for (let count = random.between(2, 14); count > 0; count--) {
    if (hasMishaps && random.chance(0.35)) add(mishapOf(random, nodes));
    else add(actionOf(random, random.pick(apps), ++version, nodes));
  }
  const scenario = { nodes, ports: portsOf(random, apps.length), maxAppsPerNode: random.chance(0.2) ? 2 : 1000, steps };
  return withEdge(scenario, new Random(seed + EDGE_SEED));
}

/** Gives a quarter of the scenarios a second pool that some apps ask for at times: decided apart, so that all else stays as it is. */
function withEdge(scenario: Scenario, random: Random): Scenario {
  if (!random.chance(0.25)) return scenario;
  const steps = scenario.steps.map((timed): Step => {
    const { step } = timed;
    if (step.do !== "apply" || !random.chance(0.5)) return timed;
    return { ...timed, step: { ...step, wish: { ...step.wish, isAtEdge: true } } };
  });
  return { ...scenario, hasEdge: true, steps };
}

function portsOf(random: Random, apps: number): PortRange {
  return { first: 20_000, last: random.chance(0.25) ? 19_999 + apps : 20_200 };
}

function wishOf(random: Random, version: number, nodes: number): Wish {
  return {
    replicas: random.between(random.chance(0.1) ? 0 : 1, nodes),
    version,
    ...(random.chance(0.15) && { isBad: true }),
    ...(random.chance(0.1) && { isCommand: true }),
    ...(random.chance(0.3) && { secret: "keys" }),
    ...(random.chance(0.1) && { isEverywhere: true }),
    ...(random.chance(0.25) && { isRecreated: true }),
    ...(random.chance(0.25) && { isExposed: true }),
  };
}

function actionOf(random: Random, app: string, version: number, nodes: number): Action {
  const node = `node-${random.between(1, nodes)}`;
  switch (random.between(0, 13)) {
    case 0:
    case 1:
      return { do: "scale", app, replicas: random.between(0, nodes) };
    case 2:
      return { do: "restart", app };
    case 3:
      return { do: "delete", app };
    case 4:
      return { do: random.chance(0.8) ? "write-secret" : "delete-secret", name: "keys" };
    case 5:
      return { do: random.chance(0.5) ? "create-service" : "delete-service", name: app };
    case 6:
      return { do: random.chance(0.5) ? "cordon" : "uncordon", node };
    case 7:
      return random.chance(0.3) ? { do: "add-node", node: `new-${version}` } : { do: "remove-node", node };
    case 8:
      return random.chance(0.5)
        ? { do: "edit-pool", maxAppsPerNode: random.between(1, 4) }
        : { do: "edit-pool", ports: { first: 20_000, last: random.between(20_003, 20_300) } };
    default:
      return { do: "apply", app, wish: wishOf(random, version, nodes) };
  }
}

function mishapOf(random: Random, nodes: number): Mishap {
  const node = `node-${random.between(1, nodes)}`;
  const kind = random.pick([
    "restart-runtime",
    "reboot",
    "replace-pod",
    "isolate",
    "crash-leader",
    "move-lead",
  ] as const);
  switch (kind) {
    case "isolate":
      return { do: kind, node, milliseconds: random.between(1000, 30_000) };
    case "restart-runtime":
    case "reboot":
    case "replace-pod":
      return { do: kind, node };
    default:
      return { do: random.chance(0.2) ? "crash-standby" : kind };
  }
}
