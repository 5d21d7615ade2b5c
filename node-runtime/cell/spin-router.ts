import { RouteTable, type Route, type RouteMatch } from "../../common/route-table.ts";
import { WasmletError } from "../../common/errors.ts";
import type { Exchange } from "../http1/exchange.ts";
import type { FieldEntry } from "../wasi/http/field-rules.ts";
import { pathWithQueryOf } from "./admission.ts";
import { fieldsOf } from "./request-body.ts";
import type { Destination } from "./request-run.ts";

/** What Spin's HTTP trigger tells a component of a request, and how its headers for route parameters begin. */
const SPIN_HEADERS = new Set([
  "spin-path-info",
  "spin-full-url",
  "spin-matched-route",
  "spin-base-path",
  "spin-raw-component-route",
  "spin-component-route",
  "spin-client-addr",
]);
const PARAM_PREFIX = "spin-path-match-";
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Which component of a Spin application a request is for. */
export class SpinRouter {
  readonly #table: RouteTable<Destination>;
  readonly #nowhere: Destination;

  constructor(routes: readonly Route<number>[], programs: readonly [Destination, ...Destination[]]) {
    this.#table = new RouteTable(routes.map(({ route, target }) => ({ route, target: programs[target]! })));
    this.#nowhere = {
      ...programs[0],
      refusal: new WasmletError("REQUEST_NO_ROUTE", "no component has a route for this path"),
    };
  }

  /** Returns the component with the headers that it gets, or a destination that refuses. */
  route(exchange: Exchange): Destination {
    const target = pathWithQueryOf(exchange.request.target);
    const match = this.#table.find(pathOf(target));
    if (match === undefined) return this.#nowhere;
    return { ...match.target, fields: () => spinFields(exchange, target, match) };
  }
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}

/**
 * Returns a request's headers as Spin's HTTP trigger gives them to a component:
 * https://github.com/spinframework/spin/blob/main/crates/trigger-http/src/headers.rs. Unlike there, what a client sends
 * under these names is dropped: it could pass for what the host says.
 */
export function spinFields(
  { request, clientAddress }: Pick<Exchange, "request" | "clientAddress">,
  target: string,
  { route, rawRoute, pathInfo, params }: Omit<RouteMatch<unknown>, "target">,
): FieldEntry[] {
  const came = fieldsOf(request.rawHeaders).filter(([name]) => !isReplaced(name.toLowerCase()));
  const said: [string, string][] = [
    ["spin-path-info", pathInfo],
    ["spin-full-url", `http://${request.host ?? "localhost"}${target}`],
    ["spin-matched-route", route],
    ["spin-base-path", "/"],
    ["spin-raw-component-route", rawRoute],
    ["spin-component-route", rawRoute.endsWith("/...") ? rawRoute.slice(0, -4) : rawRoute],
    ["spin-client-addr", clientAddress],
    ...params.map(([name, value]): [string, string] => [PARAM_PREFIX + headerPartOf(name), value]),
  ];
  const valid = said.filter(([name, value]) => TOKEN.test(name) && FIELD_VALUE.test(value));
  return [...came, ...valid.map(([name, value]): FieldEntry => [name, Buffer.from(value, "latin1")])];
}

/** `Connection` is between client and server alone. */
function isReplaced(name: string): boolean {
  return name === "connection" || SPIN_HEADERS.has(name) || name.startsWith(PARAM_PREFIX);
}

function headerPartOf(name: string): string {
  return name.replaceAll("_", "-").toLowerCase();
}
