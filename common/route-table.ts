/*
 * Which of an application's routes a path takes, as Spin's HTTP trigger decides it (its crates/routes, over the crate
 * routefinder 0.5):
 *
 *   /hello              this path
 *   /users/:id          one segment, which is captured; `/:name.:type` splits a segment at its dot
 *   /static/...         this path and all below it; `/static/*` means the same
 *
 * Slashes at the end, and several at the start, make no difference. Where several routes match, the most specific wins:
 * compared from the left, text wins over a parameter, and a parameter over a wildcard. Of the same route written twice
 * the later one counts.
 *
 * Paths are taken as they came: nothing is decoded, and dot segments mean nothing.
 */

/** A route and what stands behind it. */
export interface Route<Target> {
  /** As it was written: `/users/:id`. */
  route: string;
  target: Target;
}

/** How a path took a route. */
export interface RouteMatch<Target> {
  target: Target;
  /** The route as it was written. */
  rawRoute: string;
  /** The route with a slash at its start and none at its end. */
  route: string;
  /** What the trailing wildcard took, with the slash before it; empty where the route has none. */
  pathInfo: string;
  /** Values of the route's parameters. */
  params: [name: string, value: string][];
}

type Part = { kind: "text"; text: string } | { kind: "param"; name: string } | { kind: "dot" | "slash" | "wildcard" };

/** How specific the part at one place of a route is; the end, too, says something: `/` before `/...`. */
const RANK: Readonly<Record<Part["kind"] | "end", number>> = {
  text: 5,
  param: 4,
  dot: 3,
  end: 2,
  wildcard: 1,
  slash: 0,
};

interface Entry<Target> extends Route<Target> {
  based: string;
  parts: Part[];
}

/** The routes of one application. */
export class RouteTable<Target> {
  readonly #entries: Entry<Target>[];

  /** Every route has to be one: see `routeProblem`. */
  constructor(routes: readonly Route<Target>[]) {
    const byRoute = new Map(routes.map((route) => [route.route, route]));
    this.#entries = [...byRoute.values()]
      .map(({ route, target }) => ({ route, target, based: basedRoute(route), parts: parseRoute(route) }))
      .toSorted((one, other) => compareParts(one.parts, other.parts));
  }

  /** The routes that count, the most specific first. */
  get routes(): Route<Target>[] {
    return this.#entries.map(({ route, target }) => ({ route, target }));
  }

  /** Returns how a path, without its query, is routed; undefined where no route matches. */
  find(path: string): RouteMatch<Target> | undefined {
    const trimmed = trimSlashes(path);
    for (const { route, target, based, parts } of this.#entries) {
      const captures = matchParts(parts, trimmed);
      if (captures === undefined) continue;
      const names = parts.flatMap((part) => (part.kind === "param" ? [part.name] : []));
      return {
        target,
        rawRoute: route,
        route: based,
        pathInfo: pathInfoOf(captures[names.length], path),
        params: names.map((name, index) => [name, captures[index]!]),
      };
    }
    return undefined;
  }
}

/** Returns what is wrong with a route, undefined where nothing is. */
export function routeProblem(route: string): string | undefined {
  const parts = parseRoute(route);
  if (parts.some(({ kind }, index) => kind === "wildcard" && index < parts.length - 1)) {
    return "a wildcard that is not at its end";
  }
  if (parts.some((part) => part.kind === "param" && part.name === "")) return "a parameter without a name";
  return parts.some((part) => part.kind === "text" && part.text.startsWith("*")) ? "a wildcard with a name" : undefined;
}

/** With a slash at its start, and without the one at its end. */
function basedRoute(route: string): string {
  const absolute = route.startsWith("/") ? route : `/${route}`;
  return absolute.endsWith("/") ? absolute.slice(0, -1) : absolute;
}

function parseRoute(route: string): Part[] {
  const parts: Part[] = [];
  for (const segment of basedRoute(route)
    .replace(/\/\.\.\.$/, "/*")
    .split("/")) {
    if (segment === "") continue;
    if (parts.length > 0) parts.push({ kind: "slash" });
    parts.push(...parseSegment(segment));
  }
  return parts;
}

/** Only behind a parameter is a dot more than text. */
function parseSegment(segment: string): Part[] {
  if (segment === "*") return [{ kind: "wildcard" }];
  const parts: Part[] = [];
  const addText = (text: string): void => {
    const last = parts.at(-1);
    if (last?.kind === "text") last.text += text;
    else parts.push({ kind: "text", text });
  };
  for (const [index, section] of segment.split(".").entries()) {
    if (index > 0) {
      if (parts.at(-1)?.kind === "param") parts.push({ kind: "dot" });
      else addText(".");
    }
    if (section.startsWith(":")) parts.push({ kind: "param", name: section.slice(1) });
    else if (section !== "") addText(section);
  }
  return parts;
}

/** The more specific one first. Where both match a path and differ in text, one text begins with the other. */
function compareParts(one: readonly Part[], other: readonly Part[]): number {
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const [mine, theirs] = [one[index], other[index]];
    const difference = RANK[theirs?.kind ?? "end"] - RANK[mine?.kind ?? "end"];
    if (difference !== 0) return difference;
    if (mine?.kind !== "text" || theirs?.kind !== "text") continue;
    if (mine.text.length !== theirs.text.length) return theirs.text.length - mine.text.length;
  }
  return 0;
}

/** Returns what parameters and wildcard took of a path without outer slashes, or undefined where it does not match. */
function matchParts(parts: readonly Part[], trimmed: string): string[] | undefined {
  const captures: string[] = [];
  let rest = trimmed;
  for (const [index, part] of parts.entries()) {
    const next = parts[index + 1]?.kind;
    switch (part.kind) {
      case "text":
        if (!rest.startsWith(part.text)) return undefined;
        rest = rest.slice(part.text.length);
        break;
      case "dot":
        if (!rest.startsWith(".")) return undefined;
        rest = rest.slice(1);
        break;
      case "slash":
        // `/static/...` is also taken by `/static`.
        if (rest === "" && next === "wildcard") break;
        if (!rest.startsWith("/")) return undefined;
        rest = rest.slice(1);
        break;
      case "param": {
        const end = rest.search(next === "dot" ? /[./]/ : /\//);
        if (rest === "" || (next === "dot" && rest[end] !== ".")) return undefined;
        const value = end === -1 ? rest : rest.slice(0, end);
        captures.push(value);
        rest = rest.slice(value.length);
        break;
      }
      case "wildcard":
        captures.push(rest);
        rest = "";
    }
  }
  return rest === "" ? captures : undefined;
}

/** A slash at the path's end belongs to what the wildcard took. */
function pathInfoOf(captured: string | undefined, path: string): string {
  if (captured === undefined) return "";
  const end = path.endsWith("/") ? "/" : "";
  return captured === "" ? end : `/${captured}${end}`;
}

function trimSlashes(text: string): string {
  let [from, to] = [0, text.length];
  while (text[from] === "/") from++;
  while (to > from && text[to - 1] === "/") to--;
  return text.slice(from, to);
}
