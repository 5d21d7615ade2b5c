import { expect, test } from "vitest";
import { WasiHost } from "../../host.ts";
import { createIncomingRequest } from "../../http/incoming.ts";
import { createResponseOutparam } from "../../http/outparam-fixture.ts";
import { BytePipe } from "../../io/byte-pipe.ts";
import { EMPTY_SOURCE } from "../../io/byte-source.ts";
import { EgressPolicy } from "../../sockets/egress.ts";
import type { GuestStream } from "../streams.ts";
import { Fields } from "./fields.ts";
import { createHttpImports, serveRequest } from "./imports.ts";
import { Request } from "./request.ts";
import { Response } from "./response.ts";

const NO_TRAILERS = Promise.resolve({ tag: "ok", val: undefined } as const);

function makeHost(): WasiHost {
  const [stdout, stderr] = [new BytePipe(), new BytePipe()];
  const egress = EgressPolicy.parse(["http://*:*"]);
  return new WasiHost({ args: [], env: [], preopens: [], egress, stdin: EMPTY_SOURCE, stdout, stderr });
}

/** A guest that writes for ever; says whether its reader has gone. */
function endlessStream(): { stream: GuestStream; isDropped: () => boolean } {
  let dropped = false;
  const stream: GuestStream = {
    read: () => Promise.resolve({ value: new Uint8Array(1024), done: false }),
    [Symbol.dispose]: () => void (dropped = true),
  };
  return { stream, isDropped: () => dropped };
}

test("handler: a declared length that is no length is an error of the guest's, and its stream is dropped", async () => {
  const host = makeHost();
  const { stream, isDropped } = endlessStream();
  const headers = Fields.fromList([["content-length", Buffer.from("many")]]);
  const [response, transmission] = Response.make(host.scope, headers, stream, NO_TRAILERS);
  const { outparam, outcome } = createResponseOutparam();
  const incoming = createIncomingRequest(host.scope, {
    method: "GET",
    scheme: "http",
    authority: "app.test",
    pathWithQuery: "/",
    headers: () => [],
    body: EMPTY_SOURCE,
    trailers: () => Promise.resolve(undefined),
  });
  await serveRequest(host.scope, incoming, outparam, () => Promise.resolve(response));
  expect(await outcome).toEqual({ kind: "error", error: { tag: "HTTP-protocol-error" } });
  expect(await transmission).toMatchObject({ tag: "err" });
  expect(isDropped()).toBe(true);
});

test.each([
  { case: "no authority", authority: undefined, code: "HTTP-request-URI-invalid" },
  { case: "a port that is none", authority: "host.test:99999", code: "HTTP-request-URI-invalid" },
])("client.send: a request with $case fails, and its stream is dropped", async ({ authority, code }) => {
  const host = makeHost();
  const { stream, isDropped } = endlessStream();
  const [request, transmission] = Request.make(host.scope, new Fields(), stream, NO_TRAILERS, undefined);
  request.setScheme({ tag: "HTTP" });
  request.setAuthority(authority);
  const { send } = createHttpImports(host)["wasi:http/client"] as { send: (request: Request) => Promise<Response> };
  await expect(send(request)).rejects.toMatchObject({ payload: { tag: code } });
  expect(await transmission).toMatchObject({ tag: "err" });
  expect(isDropped()).toBe(true);
});
