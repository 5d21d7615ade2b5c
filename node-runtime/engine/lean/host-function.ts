import type { HostImports } from "../../wasi/host.ts";
import { camelCase, pascalCase } from "./names.ts";

/** Calls a function of one instance's host with lifted arguments; a method's first argument is its resource. */
export type HostFunction = (imports: HostImports, args: readonly unknown[]) => unknown;

type Callable = (...args: readonly unknown[]) => unknown;
type Constructor = new (...args: readonly unknown[]) => unknown;

const RESOURCE_FUNCTION = /^\[(constructor|method|static)\]([^.]+)(?:\.(.+))?$/;

/**
 * Returns the host function that a WIT name stands for: `[method]fields.get` of `wasi:http/types` is `Fields`'s `get`.
 * Only what the host itself defines is found, nothing of what every JavaScript object has. Looked up when it is called:
 * an interface that is not called is not even made.
 */
export function hostFunction(interfaceName: string, name: string): HostFunction {
  const [, kind, resource = "", member = ""] = RESOURCE_FUNCTION.exec(name) ?? [];
  const where = `${interfaceName}#${name}`;
  if (kind === undefined) {
    const key = camelCase(name);
    return (imports, args) => apply(own(imports[interfaceName], key, where) as Callable, undefined, args, 0);
  }
  const className = pascalCase(resource);
  if (kind === "constructor") {
    return (imports, args) => {
      const found = own(imports[interfaceName], className, where) as Constructor;
      return args.length === 1 ? new found(args[0]) : new found(...args);
    };
  }
  const key = camelCase(member);
  if (kind === "static") {
    return (imports, args) =>
      apply(own(own(imports[interfaceName], className, where), key, where) as Callable, undefined, args, 0);
  }
  return method(key, where);
}

/** Objects of one resource are all of one class, so that its method is looked up once. */
function method(key: string, where: string): HostFunction {
  let prototype: unknown;
  let found: Callable | undefined;
  return (_, args) => {
    const current: unknown = Object.getPrototypeOf(args[0]);
    if (found === undefined || current !== prototype) {
      found = own(current, key, where) as Callable;
      prototype = current;
    }
    return apply(found, args[0], args, 1);
  };
}

/** Calls with the arguments from `start` on. Most have few: spreading them costs more than what is called. */
function apply(callable: Callable, self: unknown, args: readonly unknown[], start: 0 | 1): unknown {
  switch (args.length - start) {
    case 0:
      return callable.call(self);
    case 1:
      return callable.call(self, args[start]);
    case 2:
      return callable.call(self, args[start], args[start + 1]);
    default:
      return callable.call(self, ...args.slice(start));
  }
}

function own(holder: unknown, key: string, where: string): unknown {
  const value =
    holder !== null && holder !== undefined && Object.hasOwn(holder, key)
      ? (holder as Record<string, unknown>)[key]
      : undefined;
  if (typeof value !== "function") throw new TypeError(`the host has no function ${where}`);
  return value;
}
