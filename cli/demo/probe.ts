import { get } from "node:http";
import { messageOf } from "../../common/errors.ts";

/** How an app answered one GET: nothing where it is well, else why not. */
export type Probe = (url: string) => Promise<string | undefined>;

const TIMEOUT_MS = 10_000;

/** Gets a URL to its last byte; 2xx and 3xx are well. Its connection is closed after it, so that nothing waits for it. */
export const probeUrl: Probe = (url) =>
  new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      const { statusCode = 0 } = response;
      response.on("error", (error) => resolve(messageOf(error)));
      response.on("end", () =>
        resolve(statusCode >= 200 && statusCode < 400 ? undefined : `HTTP status ${statusCode}`),
      );
      response.resume();
    });
    request.on("error", (error) => resolve(messageOf(error)));
  });
