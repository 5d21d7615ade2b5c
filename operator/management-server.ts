import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf, systemCodeOf, WasmletError } from "../common/errors.ts";

/** What the management port serves. */
export interface Management {
  /** Whether everything that is watched was read. */
  isReady: () => boolean;
  /** Returns the metrics as Prometheus reads them. */
  metrics: () => Promise<string>;
}

/** The management port: `/metrics`, `/healthz`, `/readyz`. */
export class ManagementServer {
  readonly #server: Server;

  constructor({ isReady, metrics }: Management) {
    this.#server = createServer((request, response) => {
      const answer = (status: number, body: string, type = "text/plain"): void => {
        response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
      };
      const path = (request.url ?? "/").split("?")[0];
      if (path === "/healthz") return answer(200, "ok\n");
      if (path === "/readyz") return isReady() ? answer(200, "ok\n") : answer(503, "not ready: reading the cluster\n");
      if (path !== "/metrics") return answer(404, "served here: /metrics /healthz /readyz\n");
      return void metrics().then(
        (text) => answer(200, text, "text/plain; version=0.0.4; charset=utf-8"),
        (thrown: unknown) => answer(500, `${messageOf(thrown)}\n`),
      );
    });
  }

  /** Listens; returns the URL. Throws RUNTIME_PORT_IN_USE. */
  async listen(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, resolve);
    }).catch((cause: unknown) => {
      if (systemCodeOf(cause) !== "EADDRINUSE") throw cause;
      const message = `the management port ${port} is taken by another program`;
      throw new WasmletError("RUNTIME_PORT_IN_USE", message, { where: `${host}:${port}`, cause });
    });
    const { port: actual } = this.#server.address() as AddressInfo;
    return `http://${host.includes(":") ? `[${host}]` : host}:${actual}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
