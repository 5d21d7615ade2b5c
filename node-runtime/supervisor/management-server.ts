import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WasmletError, messageOf, systemCodeOf } from "../../common/errors.ts";
import { stopAccepting } from "../http1/stop-accepting.ts";
import type { AppView } from "../runtime-api.ts";

/** How long clients that were idle are still answered, and told to close. */
const LINGER_MS = 1000;
const APP_PATH = /^\/v1\/apps\/([a-z0-9-]{1,63})\/([a-z0-9-]{1,63})$/;

/** What the management port serves. */
export interface Management {
  apps(): AppView[];
  problems(): WasmletError[];
  isReady(): boolean;
  metrics(): Promise<string>;
}

/** The management port: `/metrics`, `/healthz`, `/readyz`, `/v1/apps`, `/v1/apps/NAMESPACE/NAME`. */
export class ManagementServer {
  readonly #server: Server;
  readonly #management: Management;
  #isDraining = false;

  constructor(management: Management) {
    this.#management = management;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Listens, beside the runtime whose place this one takes; returns the URL. Throws RUNTIME_PORT_IN_USE. */
  async listen(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, reusePort: process.platform === "linux" }, resolve);
    }).catch((cause: unknown) => {
      if (systemCodeOf(cause) !== "EADDRINUSE") throw cause;
      throw portInUse(host, port, cause);
    });
    const { port: actual } = this.#server.address() as AddressInfo;
    return `http://${host.includes(":") ? `[${host}]` : host}:${actual}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Answers what has come, and takes no more; resolves when no connection is left. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const closed = Promise.withResolvers<void>();
    await stopAccepting(this.#server, closed.resolve);
    const linger = setTimeout(() => this.#server.closeIdleConnections(), LINGER_MS);
    await closed.promise;
    clearTimeout(linger);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isDraining) response.setHeader("connection", "close");
    try {
      const path = new URL(request.url ?? "/", "http://localhost").pathname;
      if (request.method !== "GET" && request.method !== "HEAD")
        return send(response, 405, "text/plain", "GET or HEAD\n");
      if (path === "/healthz") return send(response, 200, "text/plain", "ok\n");
      if (path === "/readyz") {
        const ready = this.#management.isReady();
        return send(response, ready ? 200 : 503, "text/plain", ready ? "ok\n" : "not ready\n");
      }
      if (path === "/metrics") {
        return send(response, 200, "text/plain; version=0.0.4; charset=utf-8", await this.#management.metrics());
      }
      if (path === "/v1/apps") {
        const body = { apps: this.#management.apps(), problems: this.#management.problems() };
        return send(response, 200, "application/json", `${JSON.stringify(body)}\n`);
      }
      const [, namespace, name] = APP_PATH.exec(path) ?? [];
      if (name !== undefined) {
        const app = this.#management.apps().find((view) => view.namespace === namespace && view.name === name);
        if (app === undefined) return send(response, 404, "text/plain", `no app ${namespace}/${name}\n`);
        return send(response, 200, "application/json", `${JSON.stringify(app)}\n`);
      }
      send(response, 404, "text/plain", "served here: /metrics /healthz /readyz /v1/apps /v1/apps/NAMESPACE/NAME\n");
    } catch (thrown) {
      send(response, 500, "text/plain", `${messageOf(thrown)}\n`);
    }
  }
}

/** Returns the error for a management port that another program, or another runtime, has. */
export function portInUse(host: string, port: number, cause: unknown): WasmletError {
  return new WasmletError("RUNTIME_PORT_IN_USE", `the management port ${port} is taken by another program`, {
    where: `${host}:${port}`,
    cause,
  });
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
