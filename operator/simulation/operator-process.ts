import type { Timing } from "../../common/timing.ts";
import type { Reference } from "../../oci/reference.ts";
import type { RegistryClient } from "../../oci/registry/client.ts";
import { AppController } from "../apps/app-controller.ts";
import { TagResolver } from "../apps/tag-resolver.ts";
import { ClusterState } from "../cluster-state.ts";
import { OperatorMetrics } from "../metrics.ts";
import type { OperatorLog } from "../operator-api.ts";
import { Writer } from "../writer.ts";
import { SimulatedClient, type ClientOwner } from "./client.ts";
import { SYSTEM } from "./nodes.ts";
import type { World } from "./world.ts";

/** Shared by all runs: nobody reads it. */
const METRICS = new OperatorMetrics();

/** One operator process: everything in it is the real thing, but for its client, its clock and the registry. */
export class OperatorProcess implements ClientOwner {
  readonly name: string;
  readonly #world: World;
  readonly #timing: Timing;
  readonly #client: SimulatedClient;
  readonly #state: ClusterState;
  readonly #onCrash: (process: OperatorProcess) => void;
  readonly #log: OperatorLog;
  #controller: AppController | undefined;
  #isAlive = true;
  #isSynced = false;

  constructor(world: World, name: string, onCrash: (process: OperatorProcess) => void) {
    this.name = name;
    this.#world = world;
    this.#onCrash = onCrash;
    this.#timing = world.scheduler.timingOf(() => this.#isAlive, world.random);
    this.#client = new SimulatedClient(world, this);
    this.#log = {
      info: (message) => world.log(`${name}: ${message}`),
      warn: (message) => world.log(`${name}: ${message}`),
      error: (message, fields) => world.violate("no unexpected error", `${message} ${String(fields?.["stack"])}`),
    };
    this.#state = new ClusterState({ client: this.#client, namespace: SYSTEM, timing: this.#timing });
    void this.#state.start().then(() => (this.#isSynced = true));
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Ends in the middle of whatever it does. */
  crash(reason: string): void {
    if (!this.#isAlive) return;
    this.#world.log(`${this.name} crashes ${reason}`);
    this.#isAlive = false;
    this.#onCrash(this);
  }

  lead(): void {
    const { scheduler, random, faults } = this.#world;
    this.#world.log(`${this.name} leads`);
    const resolver = new TagResolver({
      registriesOf: () =>
        Promise.resolve({
          withCredentials: () => ({
            resolve: async (reference: Reference) => {
              await this.#timing.delay(random.between(5, 400));
              if (random.chance(faults.lostAnswer)) throw new Error("simulated: the registry does not answer");
              return `sha256:${digestOf(reference, scheduler.nowMs)}`;
            },
          }),
        } as unknown as RegistryClient),
      readPullSecret: () => Promise.reject(new Error("simulated: no pull secrets")),
      onResolved: (key) => this.#controller?.add(key),
      timing: this.#timing,
    });
    this.#controller = new AppController({
      state: this.#state,
      writer: new Writer(this.#client, this.#state, METRICS),
      resolver,
      events: { record: (app, { reason }) => this.#world.log(`${this.name}: event ${app.metadata.name} ${reason}`) },
      systemNamespace: SYSTEM,
      concurrency: 4,
      metrics: METRICS,
      log: this.#log,
      timing: this.#timing,
    });
    this.#controller.start();
  }

  /** Stops leading; what is on its way still arrives. */
  async yield(): Promise<void> {
    this.#world.log(`${this.name} no longer leads`);
    const controller = this.#controller;
    this.#controller = undefined;
    await controller?.stop();
  }
}

/** A tag leads somewhere else every minute: whoever looks twice sees two digests. */
function digestOf({ repository }: Reference, nowMs: number): string {
  const text = Buffer.from(`${repository} ${Math.floor(nowMs / 60_000)}`).toString("hex");
  return text.padEnd(64, "0").slice(-64);
}
