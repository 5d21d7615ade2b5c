import { RegistryClient } from "../../oci/registry/client.ts";
import { ArtifactStore } from "../artifacts/artifact-store.ts";
import { OciArtifacts } from "../artifacts/oci-artifacts.ts";
import { LIMITS, type Limit } from "../cell/limits.ts";
import type { AppStats, LogLine } from "../cell/protocol.ts";
import { WasmletError } from "../../common/errors.ts";
import { RuntimeMetrics } from "../metrics/runtime-metrics.ts";
import type { AppView, HeldPorts, SucceedingRuntime, SupervisorOptions } from "../runtime-api.ts";
import { AppController, type ControllerContext } from "./app-controller.ts";
import { AppStatus } from "./app-status.ts";
import { CellGroups } from "./cell-groups.ts";
import { childLauncher } from "./child-hardening.ts";
import type { DesiredApp, DesiredState, DesiredStateSource } from "./desired-state.ts";
import { ManagementServer, portInUse } from "./management-server.ts";
import { NO_CLAIMS, systemClaims } from "./port-claims.ts";
import { Ports } from "./ports.ts";
import { Preparer } from "./preparer.ts";
import { Quarantine } from "./quarantine.ts";
import { isUnderWay, untilServing } from "./succession.ts";

/** How long a scrape waits for cells to report. */
const COLLECT_TIMEOUT_MS = 250;
/** How the management port is called among ports. */
const MANAGEMENT = "the management port";
/** How often cells report when nobody scrapes, so that little is lost with one that dies. */
const COLLECT_INTERVAL_MS = 1000;

/** Owns what should run on this node and the processes that run it. Runs no guest code. */
export class Supervisor implements SucceedingRuntime {
  readonly #options: SupervisorOptions;
  readonly #source: DesiredStateSource;
  readonly #metrics: RuntimeMetrics;
  readonly #controllers = new Map<string, AppController>();
  /** Apps that were taken off and whose processes and requests have not ended yet, and how many times. */
  readonly #ending = new Map<string, number>();
  readonly #cells: CellGroups;
  readonly #quarantine = new Quarantine();
  readonly #listeners = new Set<(app?: string) => void>();
  readonly #management: ManagementServer;
  readonly #context: ControllerContext;
  readonly #preparer: Preparer;
  readonly #registries: RegistryClient;
  readonly #managementPorts: Ports;
  readonly #commandsMayRun = Promise.withResolvers<void>();
  #wantedPorts: ReadonlySet<number> = new Set();
  #desired: DesiredState = { apps: [], problems: [] };
  #collector: NodeJS.Timeout | undefined;
  #stopping = false;
  managementUrl = "";

  constructor(options: SupervisorOptions, source: DesiredStateSource, metrics = new RuntimeMetrics()) {
    this.#options = options;
    this.#source = source;
    this.#metrics = metrics;
    const store = new ArtifactStore(options.cacheDirectory, {
      ...(options.cacheMaxBytes !== undefined && { maxBytes: options.cacheMaxBytes }),
      volumesDirectory: options.volumesDirectory,
      secretVolumesDirectory: options.secretVolumesDirectory,
      onEvicted: (count) => this.#metrics.cacheEvictions.inc(count),
    });
    store.sweep();
    this.#cells = new CellGroups(options, metrics, {
      logs: (lines) => this.#log(lines),
      stats: (stats, cell) => this.#observe(stats, cell),
      blamed: (app) => this.#blame(app),
    });
    this.#preparer = new Preparer(store, options.prepareLimits);
    const registries = options.registries ?? {};
    // Credentials are for the apps that may have them: the client itself asks anonymously.
    this.#registries = RegistryClient.create({ ...registries, credentials: () => Promise.resolve(undefined) });
    const { inherited, host, firstPort, managementHost } = options;
    const claims = options.sharesPorts === true ? NO_CLAIMS : systemClaims();
    const inheritedPorts = new Map(inherited?.apps.map(({ id, port }) => [id, port]));
    const inheritedManagement = new Map(inherited && [[MANAGEMENT, inherited.management]]);
    this.#managementPorts = new Ports(managementHost, 0, { claims, inherited: inheritedManagement });
    if (inherited === undefined) this.#commandsMayRun.resolve();
    this.#context = {
      store,
      preparer: this.#preparer,
      artifacts: new OciArtifacts(store, this.#registries, registries),
      ports: new Ports(host, firstPort, { claims, inherited: inheritedPorts }),
      host,
      sharedCells: options.sharedCells === true,
      commandsMayRun: this.#commandsMayRun.promise,
      metrics: this.#metrics,
      cellsOf: (name, size) => this.#cells.get(name, size),
      quarantine: this.#quarantine,
      endOwnCells: (id) => this.#cells.endEmpty(id),
      wantedPorts: () => this.#wantedPorts,
      logs: (lines) => this.#log(lines),
      stats: (stats) => this.#observe(stats, "command"),
    };
    this.#management = new ManagementServer({
      apps: () => this.apps(),
      problems: () => this.problems(),
      isReady: () => !this.#stopping && this.#isReady(),
      metrics: async () => {
        await this.#collect();
        this.#metrics.cacheBytes.set(store.bytes);
        return this.#metrics.registry.metrics();
      },
    });
  }

  /** Starts everything; resolves once the desired state was read, while apps still prepare. */
  async start(): Promise<void> {
    this.managementUrl = await this.#listenForManagement();
    // A first app is given one that has begun to start.
    this.#cells.start();
    try {
      await this.#source.start((state) => this.#apply(state));
    } catch (thrown) {
      this.#management.close();
      void this.#cells.stop(0);
      throw thrown;
    }
    this.#collector = setInterval(() => void this.#collect(), COLLECT_INTERVAL_MS);
    const { inEffect } = childLauncher();
    this.#options.log.info(
      `children run with Node's permission model, ${inEffect.join(", ") || "nothing of the kernel's"}`,
    );
  }

  apps(): AppView[] {
    return [...this.#controllers.values()].map(({ status }) => status.view());
  }

  /** Returns one app by its `namespace/name`. */
  app(id: string): AppView | undefined {
    return this.#controllers.get(id)?.status.view();
  }

  /** Whether anything of an app is on this node: also requests that were under way when it was taken off. */
  isPresent(id: string): boolean {
    return this.#controllers.has(id) || this.#ending.has(id);
  }

  problems(): WasmletError[] {
    return this.#desired.problems;
  }

  onChange(listener: (app?: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Process ids of the children: for tests that end one. */
  childPids(): { cells: number[]; spares: number[]; preparers: number[] } {
    return { ...this.#cells.pids, preparers: [...this.#preparer.pids] };
  }

  async stop(graceMs: number): Promise<void> {
    if (this.#stopping) return;
    await this.#endWork(graceMs);
    for (const controller of this.#controllers.values()) void controller.remove();
    this.#management.close();
    await this.#registries.close();
  }

  heldPorts(): HeldPorts {
    const apps = [...this.#context.ports.all].map(([id, port]) => {
      return { id, port, isReady: this.#controllers.get(id)?.status.state === "Ready" };
    });
    return { management: this.#managementPorts.portOf(MANAGEMENT)!, apps };
  }

  async untilServing(): Promise<void> {
    const served = this.#options.inherited?.apps.filter(({ isReady }) => isReady) ?? [];
    await untilServing(
      served.map(({ id }) => id),
      this,
    );
  }

  async claimPorts(): Promise<void> {
    await Promise.all([this.#managementPorts.claimInherited(), this.#context.ports.claimInherited()]);
  }

  startCommands(): void {
    this.#commandsMayRun.resolve();
  }

  releasePorts(): void {
    this.#managementPorts.releaseClaims();
    this.#context.ports.releaseClaims();
  }

  async stepDown(graceMs: number): Promise<void> {
    if (this.#stopping) return;
    const grace = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
    const drained = Promise.race([this.#management.drain(), grace]);
    await Promise.all([this.#endWork(graceMs), drained]);
    await Promise.all([...this.#controllers.values()].map((controller) => controller.leave()));
    this.#management.close();
    await this.#registries.close();
  }

  /** Ends what prepares and what serves: what was accepted is answered first. */
  async #endWork(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#source.stop();
    clearInterval(this.#collector);
    // One that starts now would get cells that nobody ends.
    for (const controller of this.#controllers.values()) controller.halt();
    await this.#cells.stop(graceMs);
    for (const pid of this.#preparer.pids) process.kill(pid, "SIGKILL");
  }

  /** The port is looked for without sharing, as those of apps are, and then listened on with whoever takes this one's place. */
  async #listenForManagement(): Promise<string> {
    const { managementHost: host, managementPort } = this.#options;
    const wanted = managementPort === 0 ? undefined : managementPort;
    try {
      const port = await this.#managementPorts.assign(MANAGEMENT, wanted, new Set());
      return await this.#management.listen(host, port);
    } catch (thrown) {
      this.#managementPorts.release(MANAGEMENT);
      throw thrown instanceof WasmletError ? portInUse(host, managementPort, thrown) : thrown;
    }
  }

  #apply(state: DesiredState): void {
    if (this.#stopping) return;
    for (const problem of state.problems) {
      if (this.#desired.problems.some((known) => known.message === problem.message)) continue;
      this.#options.log.error(`${problem.code}: ${problem.message}`, problem.toJSON());
    }
    this.#desired = state;
    this.#wantedPorts = new Set(state.apps.flatMap(({ port }) => port ?? []));
    const wanted = new Map(state.apps.map((app) => [app.id, app]));
    for (const [id, controller] of this.#controllers) if (!wanted.has(id)) this.#remove(id, controller);
    for (const app of wanted.values()) this.#update(app);
    this.#changed();
  }

  #update(app: DesiredApp): void {
    const known = this.#controllers.get(app.id);
    const controller = this.#controllerOf(app);
    const changed = controller.update(app);
    if (known === undefined || changed.length === 0) return;
    // With another kind of trigger it starts over.
    const fields = known === controller ? changed : ["trigger"];
    this.#options.log.info(`${app.id} changed: ${fields.join(", ")}`, { app: app.id });
  }

  #controllerOf(app: DesiredApp): AppController {
    const existing = this.#controllers.get(app.id);
    if (existing !== undefined && existing.status.view().kind === app.trigger.kind) return existing;
    if (existing !== undefined) this.#remove(app.id, existing);
    const status = new AppStatus(
      app.namespace,
      app.name,
      app.trigger.kind,
      () => this.#changed(app.id),
      () => new Date(),
    );
    const controller = new AppController(app, status, this.#context);
    this.#controllers.set(app.id, controller);
    return controller;
  }

  #remove(id: string, controller: AppController): void {
    this.#ending.set(id, (this.#ending.get(id) ?? 0) + 1);
    void controller.remove().then(() => this.#ended(id));
    // Not when the runtime stops: what ran then starts again without being new.
    this.#context.artifacts.forgetApp(id);
    this.#quarantine.forget(id);
    this.#controllers.delete(id);
    const { namespace, name } = controller.status.view();
    void this.#metrics.forget({ namespace, name });
    this.#changed(id);
  }

  #ended(id: string): void {
    const left = this.#ending.get(id)! - 1;
    if (left > 0) this.#ending.set(id, left);
    else this.#ending.delete(id);
    this.#cells.endEmpty(id);
    this.#changed(id);
  }

  /** An app ended a cell: one that does so repeatedly leaves its neighbours before the replacement has it. */
  #blame(id: string): void {
    const controller = this.#controllers.get(id);
    if (controller === undefined) return;
    const { namespace, name } = controller.status.view();
    this.#metrics.cellsEnded.inc({ namespace, app: name });
    const sentence = this.#quarantine.blame(id, performance.now());
    if (sentence === undefined) return;
    this.#metrics.quarantines.inc({ namespace, app: name });
    controller.quarantine(sentence);
  }

  #observe(stats: readonly AppStats[], cell: string): void {
    for (const app of stats) {
      const controller = this.#controllers.get(app.id);
      if (controller === undefined) continue;
      const [namespace = "", name = ""] = app.id.split("/"); // a view would be a copy, of each app each second
      this.#metrics.observe({ namespace, name }, cell, app);
      controller.status.setInstances(app.instances);
      controller.status.limitsHit(limitsOf(app));
      // Every request is counted as a start; those that found the program compiled say nothing about waking the app.
      for (const { start, phases } of app.starts) if (start === "cold") controller.status.started(phases);
      controller.noteStarts(app.starts.length, app.startFailure);
    }
  }

  async #collect(): Promise<void> {
    for (const controller of this.#controllers.values()) controller.collect();
    await this.#cells.collect(COLLECT_TIMEOUT_MS);
  }

  #log(lines: readonly LogLine[]): void {
    for (const { id, stream, line } of lines) {
      if (stream === "runtime") this.#options.log.warn(line, { app: id });
      else this.#options.log.guest(id, stream, line);
    }
  }

  #isReady(): boolean {
    const areAppsSettled = this.#isSettled();
    return this.#source.isReady?.(areAppsSettled) ?? areAppsSettled;
  }

  #isSettled(): boolean {
    return [...this.#controllers.values()].every(({ status }) => !isUnderWay(status.state));
  }

  #changed(app?: string): void {
    for (const listener of this.#listeners) listener(app);
  }
}

/** Returns the limits that stopped something since the last report. */
function limitsOf({ limitHits }: AppStats): Limit[] {
  return LIMITS.filter((limit) => (limitHits[limit] ?? 0) > 0);
}
