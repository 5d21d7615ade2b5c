/**
 * Returns a resource's class with the static functions that the WIT gives it, bound to one guest. Its instances are those
 * of the one class, which costs nothing to make for each request.
 */
export function withStatics(resource: Resource, statics: Record<string, unknown>): unknown {
  const bound = resource.bind(null) as object;
  Object.defineProperty(bound, "prototype", { value: resource.prototype });
  return Object.assign(bound, statics);
}

type Resource = { bind(thisValue: null): unknown; prototype: object };
