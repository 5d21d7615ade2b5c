import type { Clock } from "../clocks/clock.ts";
import type { Scope } from "../scope.ts";
import type { EgressPolicy } from "../sockets/egress.ts";
import { FutureIncomingResponse, sendRequest, type ClientOptions } from "./client.ts";
import { httpErrorCode } from "./error-code.ts";
import { Fields } from "./fields.ts";
import { FutureTrailers, IncomingBody } from "./incoming-body.ts";
import { IncomingRequest } from "./incoming.ts";
import { IncomingResponse } from "./incoming-response.ts";
import { OutgoingBody } from "./outgoing-body.ts";
import { OutgoingRequest } from "./outgoing-request.ts";
import { RequestOptions } from "./request-options.ts";
import { OutgoingResponse, ResponseOutparam } from "./response.ts";

/** Returns `wasi:http/types` and `wasi:http/outgoing-handler`; what the guest sends goes where `egress` allows. */
export function createHttpImports(
  scope: Scope,
  egress: EgressPolicy,
  clock: Clock,
  options: ClientOptions = {},
): Record<string, Record<string, unknown>> {
  const handle = (request: OutgoingRequest, limits: RequestOptions | undefined): FutureIncomingResponse =>
    sendRequest({ scope, egress, clock, ...options }, request, limits);
  return {
    "wasi:http/types": {
      Fields,
      FutureIncomingResponse,
      FutureTrailers,
      IncomingBody,
      IncomingRequest,
      IncomingResponse,
      OutgoingBody,
      OutgoingRequest: bindScope(OutgoingRequest, scope),
      OutgoingResponse: bindScope(OutgoingResponse, scope),
      RequestOptions,
      ResponseOutparam,
      httpErrorCode,
    },
    "wasi:http/outgoing-handler": { handle },
  };
}

/**
 * Returns the constructor as the WIT has it, without its scope. Bound, not subclassed: a bound constructor makes
 * instances of the one class, passes for it in `instanceof`, and costs nothing to make for each request.
 */
function bindScope(constructor: ScopedConstructor, scope: Scope): unknown {
  const bound = constructor.bind(null, scope);
  return Object.defineProperty(bound, "prototype", { value: constructor.prototype });
}

type ScopedConstructor = (new (scope: Scope, headers: Fields) => object) & { prototype: object };
