import type { LogOptions } from "../../../kube/client-options.ts";
import type { KubeClient } from "../../../kube/client.ts";
import type { ObjectRef } from "../../../kube/objects.ts";
import { readAppLine, readStamp, type AppLine } from "./app-line.ts";
import { splitLines } from "./lines.ts";

/** The container of a node runtime. */
const CONTAINER = "runtime";

/** What of a log is read. */
export type ReadOptions = Pick<LogOptions, "follow" | "tailLines" | "sinceSeconds" | "signal">;

/** A line with what orders it among others. */
export interface OrderedLine extends AppLine {
  order: string;
}

/** Which lines are wanted. */
export interface LineSelection {
  app: { namespace: string; name: string };
  /** Whether what the runtime says of the app counts too. */
  hasRuntime: boolean;
}

/** The log of a runtime's pod as far as it is about one app. It knows how far it was read, and goes on there. */
export class PodLog {
  readonly #client: Pick<KubeClient, "logs">;
  readonly #pod: ObjectRef;
  readonly #selection: LineSelection;
  /** The time of the last line that was read, and how many lines had it. */
  #last: { order: string; count: number } | undefined;

  constructor(client: Pick<KubeClient, "logs">, pod: ObjectRef, selection: LineSelection) {
    this.#client = client;
    this.#pod = pod;
    this.#selection = selection;
  }

  /** Yields the lines that were not read yet; throws KUBE_* errors, after which it can be read again. */
  async *read(options: ReadOptions): AsyncGenerator<OrderedLine> {
    const { app, hasRuntime } = this.#selection;
    const from = this.#last;
    const { sinceSeconds, tailLines, ...rest } = options;
    const start = from === undefined ? { sinceSeconds, tailLines } : { sinceTime: secondOf(from.order) };
    const body = this.#client.logs(this.#pod, {
      ...rest,
      ...(Object.fromEntries(Object.entries(start).filter(([, value]) => value !== undefined)) as LogOptions),
      container: CONTAINER,
      timestamps: true,
    });
    // The API server knows whole seconds: what of that second was read is left out.
    let toSkip = from?.count ?? 0;
    for await (const text of splitLines(body)) {
      const line = readStamp(text);
      if (line === undefined || (from !== undefined && line.order < from.order)) continue;
      if (line.order === from?.order && toSkip > 0) {
        toSkip--;
        continue;
      }
      this.#last = { order: line.order, count: line.order === this.#last?.order ? this.#last.count + 1 : 1 };
      const appLine = readAppLine(line, app);
      if (appLine === undefined || (appLine.stream === undefined && !hasRuntime)) continue;
      yield { ...appLine, order: line.order };
    }
  }
}

function secondOf(order: string): string {
  return new Date(Math.floor(Number(order)) * 1000).toISOString().replace(".000Z", "Z");
}
