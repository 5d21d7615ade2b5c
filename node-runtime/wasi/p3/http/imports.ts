import { WasiError } from "../../errors.ts";
import type { HostImports, WasiHost } from "../../host.ts";
import { startRequest } from "../../http/client.ts";
import { errorCodeOf, HttpError, type ErrorCode } from "../../http/error-code.ts";
import type { IncomingRequest } from "../../http/incoming.ts";
import type { IncomingResponse } from "../../http/incoming-response.ts";
import { ResponseOutparam } from "../../http/response.ts";
import type { Scope } from "../../scope.ts";
import { withStatics } from "../resource.ts";
import type { GuestStream } from "../streams.ts";
import type { TrailersFuture, Transmission } from "./contents.ts";
import { Fields } from "./fields.ts";
import { RequestOptions } from "./request-options.ts";
import { Request } from "./request.ts";
import { Response } from "./response.ts";

/** Returns `wasi:http/types` and `wasi:http/client` of WASI 0.3; what the guest sends goes where the egress policy allows. */
export function createHttpImports(host: WasiHost): HostImports {
  const { scope } = host;
  return {
    "wasi:http/types": {
      Fields,
      Request: withStatics(Request, {
        new: (...[headers, stream, trailers, options]: RequestParts) =>
          Request.make(scope, headers, stream, trailers, options),
        consumeBody: (request: Request, result: PromiseLike<Transmission>) => Request.consumeBody(request, result),
      }),
      RequestOptions,
      Response: withStatics(Response, {
        new: (...[headers, stream, trailers]: ResponseParts) => Response.make(scope, headers, stream, trailers),
        consumeBody: (response: Response, result: PromiseLike<Transmission>) => Response.consumeBody(response, result),
      }),
    },
    "wasi:http/client": { send: (request: Request) => send(host, request) },
  };
}

type ResponseParts = [headers: Fields, contents: GuestStream | undefined, trailers: TrailersFuture];
type RequestParts = [...ResponseParts, options: RequestOptions | undefined];

/** The guest's `wasi:http/handler.handle`, as its engine binds it. */
export type ServeHandler = (request: Request) => Promise<Response>;

/** `handler.handle` for a received request: resolves when the whole response was taken, rejects when the guest trapped. */
export async function serveRequest(
  scope: Scope,
  incoming: IncomingRequest,
  outparam: ResponseOutparam,
  handle: ServeHandler,
): Promise<void> {
  let answer: ReturnType<Response["takeForSending"]>;
  try {
    answer = (await handle(Request.received(scope, incoming))).takeForSending();
  } catch (thrown) {
    // The engine throws the error of a result as it is.
    if (thrown instanceof Error && !(thrown instanceof HttpError)) throw thrown;
    const code = thrown instanceof HttpError ? thrown.payload : (thrown as ErrorCode);
    return ResponseOutparam.set(outparam, { tag: "err", val: code });
  }
  ResponseOutparam.set(outparam, { tag: "ok", val: { outcome: () => answer.outcome } });
  await answer.sendContents();
}

async function send({ scope, clock, options: { egress } }: WasiHost, request: Request): Promise<Response> {
  try {
    const { head, sendContents } = request.takeForSending();
    void sendContents();
    return Response.received(scope, await scope.race(start({ scope, clock, egress }, head, request.getOptions())));
  } catch (thrown) {
    throw thrown instanceof WasiError ? thrown : new HttpError(errorCodeOf(thrown));
  }
}

/** Starts a request; where it cannot even be tried, whoever writes its body learns that nobody reads it. */
function start(...[context, head, options]: Parameters<typeof startRequest>): Promise<IncomingResponse> {
  try {
    return startRequest(context, head, options).response;
  } catch (thrown) {
    head.takeBody()?.pipe.cancel();
    throw thrown;
  }
}
