import type { AppView, RuntimeLog } from "../node-runtime/runtime-api.ts";

/** Logs each change of an app's state once. */
export class StateReporter {
  readonly #log: Pick<RuntimeLog, "info">;
  readonly #known = new Map<string, string>();

  constructor(log: Pick<RuntimeLog, "info">) {
    this.#log = log;
  }

  /** Takes the apps as they are now. */
  report(apps: readonly AppView[]): void {
    const gone = new Set(this.#known.keys());
    for (const app of apps) {
      const id = `${app.namespace}/${app.name}`;
      gone.delete(id);
      this.reportOne(id, app);
    }
    for (const id of gone) this.reportOne(id, undefined);
  }

  /** Takes one app, `namespace/name`, as it is now; undefined for one that is gone. */
  reportOne(app: string, view: AppView | undefined): void {
    if (view === undefined) {
      if (this.#known.delete(app)) this.#log.info(`${app} is removed`, { app });
      return;
    }
    const { state, reason, urls, engine, exitCode } = view;
    const line = [state, reason, ...(state === "Ready" ? urls : [])].join(" ");
    if (this.#known.get(app) === line) return;
    this.#known.set(app, line);
    this.#log.info(`${app} is ${state}`, {
      app,
      ...(reason !== undefined && { reason }),
      ...(urls.length > 0 && { url: urls.join(",") }),
      ...(engine !== undefined && { engine }),
      ...(exitCode !== undefined && { exitCode }),
    });
  }
}
