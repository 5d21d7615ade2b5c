import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Account } from "./account.ts";
import { APPS, extraApp, manifestOf, writeVariant, type SoakApp } from "./apps.ts";
import { Client } from "./client.ts";
import { killCell } from "./killed-cell.ts";
import { isPreparer } from "./leftovers.ts";
import type { Random } from "./random.ts";
import { portOf, type SoakedRuntime } from "./soaked-runtime.ts";

const MAX_EXTRA = 3;
/** How often one looks for a preparer, which lives for a second, and for how long. */
const LOOK_MS = 5;
const MAX_LOOK_MS = 5000;
const HTTP_APPS = APPS.filter(({ paths }) => paths.length > 0) as [SoakApp, ...SoakApp[]];

/** What was done to a runtime. */
export interface Deeds {
  cellsKilled: number;
  preparersKilled: number;
  appsAdded: number;
  appsChanged: number;
  artifactsChanged: number;
  appsRemoved: number;
}

interface RunningApp {
  app: SoakApp;
  url: string;
  clients: Client[];
}

/** What is done to a runtime while its clients send requests. */
export class Chaos {
  readonly deeds: Deeds = {
    cellsKilled: 0,
    preparersKilled: 0,
    appsAdded: 0,
    appsChanged: 0,
    artifactsChanged: 0,
    appsRemoved: 0,
  };
  readonly #runtime: SoakedRuntime;
  readonly #account: Account;
  readonly #random: Random;
  readonly #running = new Map<string, RunningApp>();
  #version = 0;

  constructor(runtime: SoakedRuntime, account: Account, random: Random) {
    this.#runtime = runtime;
    this.#account = account;
    this.#random = random;
  }

  /** Applies all apps, and starts the clients of each once it is ready. */
  async begin(): Promise<void> {
    for (const app of APPS) this.#runtime.write(app.name, manifestOf(app, 0));
    for (const app of HTTP_APPS) this.#running.set(app.name, await this.#start(app));
  }

  /** Does one thing, which one follows from the seed. */
  async act(): Promise<string> {
    const acts = [
      () => this.#killCell(),
      () => this.#killCell(),
      () => this.#killPreparer(),
      () => this.#changeApp(),
      () => this.#changeArtifact(),
      () => (this.#extras().length < MAX_EXTRA ? this.#addApp() : this.#removeApp()),
      () => (this.#extras().length > 0 ? this.#removeApp() : this.#addApp()),
    ] as const;
    return this.#random.pick(acts)();
  }

  /** Ends the clients, each after the request that it waits for. */
  async stopClients(): Promise<void> {
    await Promise.all([...this.#running.values()].flatMap(({ clients }) => clients.map((client) => client.stop())));
  }

  /** Starts clients of all apps anew. */
  startClients(): void {
    for (const running of this.#running.values()) running.clients = this.#clientsOf(running.app, running.url);
  }

  /** Takes off the apps that came later. */
  removeExtras(): void {
    for (const { app } of this.#extras()) {
      this.#runtime.remove(app.name);
      this.#running.delete(app.name);
    }
  }

  async #killCell(): Promise<string> {
    const { app, url } = this.#random.pick([...this.#running.values()] as [RunningApp, ...RunningApp[]]);
    // Its neighbours serve meanwhile: with none left, connections would be refused, and rightly.
    await this.#untilAllListen();
    const cells = this.#runtime.cellsOn(portOf(url));
    const pid = this.#random.pick(cells as [number, ...number[]]);
    this.#account.killed(await killCell(pid, this.#runtime.ports));
    this.deeds.cellsKilled++;
    return `killed cell ${pid} of ${app.name}`;
  }

  async #untilAllListen(): Promise<void> {
    for (const { app } of this.#running.values()) await this.#runtime.urlOf(app.name);
  }

  async #killPreparer(): Promise<string> {
    const app = this.#changeArtifactOf(this.#random.pick(HTTP_APPS));
    const latestMs = performance.now() + MAX_LOOK_MS;
    let pid: number | undefined;
    while (pid === undefined && performance.now() < latestMs) {
      pid = this.#runtime.children().find(isPreparer);
      await delay(LOOK_MS);
    }
    if (pid === undefined) return `found no preparer of ${app.name}`;
    process.kill(pid, "SIGKILL");
    this.deeds.preparersKilled++;
    return `killed preparer ${pid} of ${app.name}`;
  }

  #changeApp(): Promise<string> {
    const app = this.#random.pick(HTTP_APPS);
    this.#runtime.write(app.name, manifestOf(app, ++this.#version));
    this.deeds.appsChanged++;
    return Promise.resolve(`changed ${app.name}`);
  }

  #changeArtifact(): Promise<string> {
    return Promise.resolve(`changed the artifact of ${this.#changeArtifactOf(this.#random.pick(HTTP_APPS)).name}`);
  }

  #changeArtifactOf(app: SoakApp): SoakApp {
    const version = ++this.#version;
    const file = join(this.#runtime.folder, `${app.name}.wasm`);
    writeVariant(app, file, `${version}`);
    this.#runtime.write(app.name, manifestOf(app, version, file));
    this.deeds.artifactsChanged++;
    return app;
  }

  async #addApp(): Promise<string> {
    const app = extraApp(`extra-${++this.#version}`);
    this.#runtime.write(app.name, manifestOf(app, 0));
    this.#running.set(app.name, await this.#start(app));
    this.deeds.appsAdded++;
    return `added ${app.name}`;
  }

  /** Its clients send nothing more; what they have sent is answered. */
  async #removeApp(): Promise<string> {
    const { app, clients } = this.#random.pick(this.#extras() as [RunningApp, ...RunningApp[]]);
    const stopped = clients.map((client) => client.stop());
    this.#running.delete(app.name);
    this.#runtime.remove(app.name);
    await Promise.all(stopped);
    this.deeds.appsRemoved++;
    return `removed ${app.name}`;
  }

  #extras(): RunningApp[] {
    return [...this.#running.values()].filter(({ app }) => app.name.startsWith("extra-"));
  }

  async #start(app: SoakApp): Promise<RunningApp> {
    const url = await this.#runtime.urlOf(app.name);
    return { app, url, clients: this.#clientsOf(app, url) };
  }

  /** Some keep their connection, and some have a new one for each request. */
  #clientsOf(app: SoakApp, url: string): Client[] {
    return Array.from({ length: app.clients }, (_, index) => new Client(app, url, this.#account, index % 2 === 0));
  }
}
