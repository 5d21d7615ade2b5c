import type { AppView, RuntimeLog } from "../node-runtime/runtime-api.ts";

/** Logs each change of an app's state once. */
export class StateReporter {
  readonly #log: Pick<RuntimeLog, "info">;
  #known = new Map<string, string>();

  constructor(log: Pick<RuntimeLog, "info">) {
    this.#log = log;
  }

  /** Takes the apps as they are now. */
  report(apps: readonly AppView[]): void {
    const states = new Map<string, string>();
    for (const { namespace, name, state, reason, urls, engine, exitCode } of apps) {
      const app = `${namespace}/${name}`;
      const line = [state, reason, ...(state === "Ready" ? urls : [])].join(" ");
      states.set(app, line);
      if (this.#known.get(app) === line) continue;
      this.#log.info(`${app} is ${state}`, {
        ...(reason !== undefined && { reason }),
        ...(urls.length > 0 && { url: urls.join(",") }),
        ...(engine !== undefined && { engine }),
        ...(exitCode !== undefined && { exitCode }),
      });
    }
    for (const app of this.#known.keys()) if (!states.has(app)) this.#log.info(`${app} is removed`);
    this.#known = states;
  }
}
