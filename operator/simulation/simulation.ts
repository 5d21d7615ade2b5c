import { checkEndState, summarize } from "./end-state.ts";
import { NO_FAULTS, type Faults, type PlantedFault } from "./faults.ts";
import { Invariants } from "./invariants.ts";
import { isBad } from "./node-runtime.ts";
import { Nodes } from "./nodes.ts";
import { Operators } from "./operators.ts";
import { WASM_REPLICAS } from "../objects.ts";
import { isMishap, perform, type Scenario } from "./scenario.ts";
import { EDGE, Users } from "./users.ts";
import { World } from "./world.ts";

/** How a run goes: all of it follows from these. */
export interface RunOptions {
  scenario: Scenario;
  seed: number;
  faults?: Faults;
  planted?: PlantedFault;
  isVerbose?: boolean;
}

/** What became of a run. */
export interface Outcome {
  violations: string[];
  summary: string[];
  /** Writes that operators sent, and events that they got: as many places for a fault. */
  writes: number;
  events: number;
  log: string[];
}

/** How long things may take to settle after the last step, and how long nothing may be written then. */
const SETTLE_MS = 240_000;
const IDLE_MS = 400_000;

/** Runs a scenario to its end and checks everything. */
export async function simulate({ scenario, seed, faults, planted, isVerbose = false }: RunOptions): Promise<Outcome> {
  const world = new World(seed, faults, planted, isVerbose);
  const pools = ["default", ...(scenario.hasEdge === true ? [EDGE] : [])];
  const nodes = new Nodes(world, pools);
  const users = new Users(world);
  const operators = new Operators(world);
  const invariants = new Invariants(world, users);
  world.scheduler.onSettled = () => invariants.check();
  for (const pool of pools) users.createPool(pool, scenario.ports, scenario.maxAppsPerNode);
  for (let index = 1; index <= scenario.nodes; index++) nodes.add(`node-${index}`);
  operators.start();
  for (const { atMs, step } of scenario.steps) {
    world.scheduler.after(atMs, () => {
      world.log(`STEP ${JSON.stringify(step)}`);
      perform(step, users, nodes, operators);
    });
  }
  const lastMs = Math.max(0, ...scenario.steps.map(({ atMs }) => atMs));
  await world.scheduler.runUntil(lastMs + 1);
  world.faults = NO_FAULTS;
  await world.scheduler.runUntil(lastMs + SETTLE_MS);
  for (const { metadata, spec, status } of world.api.list(WASM_REPLICAS)) {
    const { nodeName, runtimeName, revision, previous, port } = spec;
    world.log(
      `END ${metadata.name} ${JSON.stringify({ nodeName, runtimeName, port, revision, previous: previous?.revision, status })}`,
    );
  }
  checkEndState(world, users);
  await idle(world, lastMs + SETTLE_MS + IDLE_MS);
  const { violations, writeCount, eventCount, lines } = world;
  return { violations, summary: summarize(world), writes: writeCount, events: eventCount, log: lines };
}

/** Nothing is written while nothing happens. */
async function idle(world: World, untilMs: number): Promise<void> {
  const before = world.writes.length;
  await world.scheduler.runUntil(untilMs);
  const first = world.writes.slice(before).find(({ what }) => !restless(world).has(what.split(" ").at(-1) ?? ""));
  if (first !== undefined) world.violate("no write when nothing changed", first.what);
}

/** Apps whose nodes go on trying two bad revisions in turn, ever more slowly: they have something new to tell each time. */
function restless(world: World): Set<string> {
  const replicas = world.api.list(WASM_REPLICAS);
  const doubly = replicas.filter(({ spec }) => spec.previous !== undefined && isBad(spec.previous.template));
  return new Set(doubly.filter(({ spec }) => isBad(spec.template)).map(({ spec }) => spec.appName));
}

/** Returns the scenario with what users do alone. */
export function withoutMishaps(scenario: Scenario): Scenario {
  return { ...scenario, steps: scenario.steps.filter((step) => !isMishap(step)) };
}
