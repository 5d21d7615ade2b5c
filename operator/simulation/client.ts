import type { KubeClient } from "../../kube/client.ts";
import type {
  ApplyOptions,
  DeleteOptions,
  DeleteOutcome,
  ListOptions,
  WatchOptions,
  WriteOptions,
} from "../../kube/client-options.ts";
import type { KubeObject, ObjectRef } from "../../kube/objects.ts";
import type { Resource } from "../../kube/resources.ts";
import type { WatchEvent } from "../../kube/watch.ts";
import { failure, type Change } from "./api-server.ts";
import type { World } from "./world.ts";

/** What the process that uses the client is to it. */
export interface ClientOwner {
  readonly name: string;
  readonly isAlive: boolean;
  crash(reason: string): void;
}

/** Events that may come once more, and how late one may come. */
const PAST_EVENTS = 4;
const DELAY_MS = 4000;

type Ending = { error?: Error };

/** The client of one process: everything takes time, and goes wrong as the run's faults say. */
export class SimulatedClient implements Pick<KubeClient, "list" | "watch" | "create" | "replace" | "apply" | "delete"> {
  readonly #world: World;
  readonly #owner: ClientOwner;

  constructor(world: World, owner: ClientOwner) {
    this.#world = world;
    this.#owner = owner;
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions = {},
  ): Promise<{ items: T[]; resourceVersion: string }> {
    const { api, random } = this.#world;
    await this.#pass(random.between(1, 30));
    const items = api.list(resource).filter((object) => isSelected(object, options));
    const listed = { items: items.map((object) => viewOf(resource, object)), resourceVersion: String(api.version) };
    await this.#pass(random.between(1, 30));
    options.signal?.throwIfAborted();
    return listed;
  }

  async *watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const stream = new WatchStream(this.#world, this.#owner, resource, options);
    try {
      for (;;) {
        const event = await stream.next();
        if (event === undefined) return;
        yield event as WatchEvent<T>;
      }
    } finally {
      stream.close();
    }
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T, { signal }: WriteOptions = {}): Promise<T> {
    const what = `create ${resource.plural} ${object.metadata.name}`;
    return this.#write(what, signal, () => this.#world.api.create(resource, object));
  }

  apply<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    { subresource, signal }: ApplyOptions = {},
  ): Promise<T> {
    const what = `apply ${resource.plural}${subresource === undefined ? "" : `/${subresource}`} ${object.metadata.name}`;
    return this.#write(what, signal, () => this.#world.api.apply(resource, object, subresource));
  }

  replace<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    { subresource, signal }: WriteOptions = {},
  ): Promise<T> {
    const what = `replace ${resource.plural}${subresource === undefined ? "" : `/${subresource}`} ${object.metadata.name}`;
    return this.#write(what, signal, () => this.#world.api.replace(resource, object, subresource));
  }

  delete<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    { uid, signal }: DeleteOptions = {},
  ): Promise<DeleteOutcome> {
    const { namespace, name } = ref;
    const what = `delete ${resource.plural} ${name}`;
    return this.#write(what, signal, () => this.#world.api.delete(resource, { namespace, name }, uid));
  }

  /** Sends a write. What is on its way arrives, also when its sender no longer waits for it or is dead. */
  #write<T>(what: string, signal: AbortSignal | undefined, carryOut: () => T): Promise<T> {
    const { scheduler, random, faults, planted } = this.#world;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const index = this.#world.nextWrite();
    const isPlanted = (kind: string): boolean => planted?.kind === kind && planted.index === index;
    const abort = (): void => reject(signal!.reason as Error);
    signal?.addEventListener("abort", abort, { once: true });
    const settle = (then: () => void): void => {
      signal?.removeEventListener("abort", abort);
      if (this.#owner.isAlive) then();
    };
    const crashes = random.chance(faults.crash);
    const crashesBefore = isPlanted("crash-before-write") || (crashes && random.chance(0.3));
    const crashesAfter = isPlanted("crash-after-write") || crashes;
    const isRefused = isPlanted("refuse-write") || random.chance(faults.refusedWrite);
    const isLost = isPlanted("lose-answer") || random.chance(faults.lostAnswer);
    const delayMs = random.chance(faults.slowWrite) ? random.between(500, 6000) : random.between(1, 15);
    if (crashesBefore) {
      this.#owner.crash(`before write ${index}: ${what}`);
      return promise;
    }
    scheduler.after(delayMs, () => {
      try {
        if (isRefused) throw failure(random.chance(0.5) ? "KUBE_CONFLICT" : "KUBE_REFUSED");
        const result = this.#world.carryOut(this.#owner.name, index, what, carryOut);
        if (crashesAfter) return this.#owner.crash(`after write ${index}: ${what}`);
        if (isLost) throw failure("KUBE_UNREACHABLE");
        scheduler.after(random.between(1, 15), () => settle(() => resolve(result)));
      } catch (thrown) {
        this.#world.log(`${this.#owner.name}: write ${index} ${what} fails: ${(thrown as Error).message}`);
        scheduler.after(isLost ? 3000 : 5, () => settle(() => reject(thrown)));
      }
      return undefined;
    });
    return promise;
  }

  #pass(milliseconds: number): Promise<void> {
    return new Promise((resolve) =>
      this.#world.scheduler.after(milliseconds, () => {
        if (this.#owner.isAlive) resolve();
      }),
    );
  }
}

/** One watch: what happens comes later, in order, perhaps twice, until it ends. */
class WatchStream {
  readonly #world: World;
  readonly #owner: ClientOwner;
  readonly #resource: Resource<KubeObject>;
  readonly #options: WatchOptions;
  readonly #events: (WatchEvent<KubeObject> | Ending)[] = [];
  readonly #unsubscribe: () => void;
  /** What has come already, for what comes again. */
  #past: Change[] = [];
  #lastMs = 0;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(world: World, owner: ClientOwner, resource: Resource<KubeObject>, options: WatchOptions) {
    this.#world = world;
    this.#owner = owner;
    this.#resource = resource;
    this.#options = options;
    for (const change of world.api.changesAfter(resource.plural, Number(options.resourceVersion))) this.#send(change);
    this.#unsubscribe = world.api.onChange((plural, change) => {
      if (plural === resource.plural) this.#send(change);
    });
    world.scheduler.after((options.timeoutSeconds ?? 300) * 1000, () => this.#end({}));
    options.signal?.addEventListener("abort", () => this.#end({ error: options.signal?.reason as Error }), {
      once: true,
    });
  }

  /** Resolves with the next event; undefined when the watch ended in good order. */
  async next(): Promise<WatchEvent<KubeObject> | undefined> {
    while (this.#events.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const event = this.#events.shift()!;
    if ("type" in event) return event;
    if (event.error !== undefined) throw event.error;
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
  }

  #send(change: Change): void {
    if (!isSelected(change.object, this.#options)) return;
    const { scheduler, random, faults, planted } = this.#world;
    const lagMs = random.chance(faults.slowEvent) ? random.between(200, 8000) : random.between(1, 20);
    const index = this.#world.nextEvent();
    const isDelayed = planted?.kind === "delay-event" && planted.index === index;
    this.#lastMs = Math.max(this.#lastMs, scheduler.nowMs + (isDelayed ? DELAY_MS : lagMs));
    scheduler.after(this.#lastMs - scheduler.nowMs, () => this.#deliver(change, index));
  }

  #deliver(change: Change, index: number): void {
    if (this.#isClosed || !this.#owner.isAlive) return;
    const { random, faults, planted } = this.#world;
    if (planted?.kind === "lose-event" && planted.index === index) {
      this.#world.log(`${this.#owner.name}: event ${index} is lost: ${describe(this.#resource.plural, change)}`);
      return this.#break(2500, "KUBE_EXPIRED");
    }
    if (random.chance(faults.brokenWatch)) {
      this.#world.log(`${this.#owner.name}: the watch of ${this.#resource.plural} breaks`);
      return this.#break(random.between(1, 4000), random.chance(0.5) ? "KUBE_EXPIRED" : "KUBE_UNREACHABLE");
    }
    this.#world.log(`${this.#owner.name}: event ${index}: ${describe(this.#resource.plural, change)}`);
    this.#push(change);
    this.#past = [...this.#past, change].slice(-PAST_EVENTS);
    if (random.chance(faults.repeatedEvent) || (planted?.kind === "repeat-event" && planted.index === index)) {
      this.#push(this.#past[Math.max(0, this.#past.length - random.between(1, PAST_EVENTS))]!);
    }
  }

  #push({ type, object }: Change): void {
    this.#events.push({ type, object: viewOf(this.#resource, object) });
    this.#wake();
  }

  /** Nothing comes any more, and some time later that shows. */
  #break(afterMs: number, code: "KUBE_EXPIRED" | "KUBE_UNREACHABLE"): void {
    this.#isClosed = true;
    this.#world.scheduler.after(afterMs, () => this.#end({ error: failure(code) }));
  }

  #end(ending: Ending): void {
    if (!this.#owner.isAlive) return;
    this.#isClosed = true;
    this.#events.push(ending);
    this.#wake();
  }
}

function isSelected({ metadata }: KubeObject, options: Pick<ListOptions, "namespace" | "labelSelector">): boolean {
  if (options.namespace !== undefined && metadata.namespace !== options.namespace) return false;
  const [key = "", value] = options.labelSelector?.split("=") ?? [];
  if (key === "") return true;
  const held = metadata.labels?.[key];
  return held !== undefined && (value === undefined || held === value);
}

function viewOf<T extends KubeObject>({ view }: Resource<T>, object: T): T {
  const { apiVersion, kind, metadata } = object;
  return view === "metadata" ? ({ apiVersion, kind, metadata } as T) : object;
}

function describe(plural: string, { type, object, version }: Change): string {
  return `${type} ${plural} ${object.metadata.name} (${version})`;
}
