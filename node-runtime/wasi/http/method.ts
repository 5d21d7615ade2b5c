/** The WIT variant `method`. */
export type Method =
  | { tag: "get" | "head" | "post" | "put" | "delete" | "connect" | "options" | "trace" | "patch" }
  | { tag: "other"; val: string };

/** The WIT variant `scheme`. */
export type Scheme = { tag: "HTTP" | "HTTPS" } | { tag: "other"; val: string };

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["GET", { tag: "get" }],
  ["HEAD", { tag: "head" }],
  ["POST", { tag: "post" }],
  ["PUT", { tag: "put" }],
  ["DELETE", { tag: "delete" }],
  ["CONNECT", { tag: "connect" }],
  ["OPTIONS", { tag: "options" }],
  ["TRACE", { tag: "trace" }],
  ["PATCH", { tag: "patch" }],
]);

/** Returns the WIT variant of a method on the wire. */
export function methodOf(name: string): Method {
  return METHODS.get(name) ?? { tag: "other", val: name };
}

/** Returns the method as it stands on the wire. */
export function methodName(method: Method): string {
  return method.tag === "other" ? method.val : method.tag.toUpperCase();
}

/** Returns the WIT variant of a URL's scheme, without its colon. */
export function schemeOf(name: string): Scheme {
  if (name === "http") return { tag: "HTTP" };
  return name === "https" ? { tag: "HTTPS" } : { tag: "other", val: name };
}

/** Returns the scheme as in a URL, without its colon. */
export function schemeName(scheme: Scheme): string {
  return scheme.tag === "other" ? scheme.val.toLowerCase() : scheme.tag.toLowerCase();
}
