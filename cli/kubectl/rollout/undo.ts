import type { AppTemplate } from "../../../crds/wasm-replica/types.ts";
import { buildTemplate } from "../../../operator/apps/template.ts";
import { isEqual } from "../../../operator/apps/writes.ts";
import type { WasmAppObject } from "../../../operator/objects.ts";
import { currentTemplate } from "./revisions.ts";

type Spec = WasmAppObject["spec"];

/**
 * Returns the spec of an app that asks for a recorded template. What the spec means as the template says it stays as it is
 * written: a tag that still leads to the recorded image, a variable that is a field of the app.
 */
export function specFrom(app: WasmAppObject, template: AppTemplate): Spec {
  const { spec } = app;
  const { idleSeconds, source, env, ...fields } = template;
  const written = buildTemplate(app);
  return {
    ...spec,
    ...fields,
    source: isEqual(source, currentTemplate(app).source) ? spec.source : source,
    env: env.map((variable) => {
      const index = written.env.findIndex((known) => isEqual(known, variable));
      return spec.env[index] ?? variable;
    }),
    scale: { ...spec.scale, idleSeconds },
  };
}

/** Returns the patch (RFC 7396) that makes one value another; undefined where they are equal. */
export function mergePatchOf(before: unknown, after: unknown): unknown {
  if (isEqual(before, after)) return undefined;
  if (!isRecord(before) || !isRecord(after)) return after;
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changes = [...keys].flatMap((key): [string, unknown][] => {
    if (after[key] === undefined) return before[key] === undefined ? [] : [[key, null]];
    const change = mergePatchOf(before[key], after[key]);
    return change === undefined ? [] : [[key, change]];
  });
  return Object.fromEntries(changes);
}

/** Returns the differences of two values, a line each: `- spec.limits.memory: "64Mi"`, and `+` for what comes instead. */
export function describeChanges(before: unknown, after: unknown, path: string): string[] {
  if (isEqual(before, after)) return [];
  if (!isRecord(before) || !isRecord(after)) {
    const line = (mark: string, value: unknown): string[] =>
      value === undefined ? [] : [`${mark} ${path}: ${JSON.stringify(value)}`];
    return [...line("-", before), ...line("+", after)];
  }
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return keys.flatMap((key) => describeChanges(before[key], after[key], `${path}.${key}`));
}

/** Returns the image that is pinned where a tag was followed before; undefined where nothing changes in that. */
export function newlyPinned(before: Spec, after: Spec): string | undefined {
  const [was, is] = [before.source.oci?.image, after.source.oci?.image];
  return is?.includes("@") === true && was?.includes("@") !== true ? is : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
