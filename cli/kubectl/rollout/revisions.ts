import { WasmletError } from "../../../common/errors.ts";
import type { AppTemplate } from "../../../crds/wasm-replica/types.ts";
import type { ControllerRevision } from "../../../kube/resources.ts";
import { isOwn } from "../../../operator/apps/ownership.ts";
import { revisionName } from "../../../operator/apps/resources.ts";
import { buildTemplate, withImage } from "../../../operator/apps/template.ts";
import { isEqual } from "../../../operator/apps/writes.ts";
import type { WasmAppObject, WasmReplica } from "../../../operator/objects.ts";

/*
 * The operator writes a revision down when it is replaced on a node for the first time. So the records are the past, the
 * spec is the present, and between the two may be what nodes still run because the present cannot be had.
 */

/** A revision of an app. */
export interface AppRevision {
  number: number;
  template: AppTemplate;
  /** Nodes that run it now. */
  nodes: number;
  /** Whether it is what the spec asks for. */
  isCurrent: boolean;
  /** When it was replaced, in RFC 3339; undefined before that. */
  replacedAt?: string | undefined;
}

/** Returns what the spec asks for, with its image as it was resolved. */
export function currentTemplate(app: WasmAppObject): AppTemplate {
  return withImage(buildTemplate(app), app.status?.image);
}

/** Returns an app's revisions, the oldest first; the last is the current one, unless it returned to a recorded one. */
export function revisionsOf(
  app: WasmAppObject,
  records: readonly ControllerRevision[],
  replicas: readonly WasmReplica[],
): AppRevision[] {
  const nameOf = (revision: string | undefined): string => revisionName(app.metadata.name, revision ?? "");
  const current = app.status?.revision;
  const nodes = (name: string): number => replicas.filter(({ status }) => nameOf(status?.revision) === name).length;
  const own = records.filter((record) => isOwn(app, record) && templateOf(record) !== undefined);
  const names = new Set(own.map(({ metadata }) => metadata.name));
  const recorded = own
    .toSorted((a, b) => a.revision - b.revision)
    .map((record): AppRevision => {
      const { name, creationTimestamp } = record.metadata;
      const isCurrent = name === nameOf(current);
      const replacedAt = isCurrent ? undefined : creationTimestamp;
      return { number: record.revision, template: templateOf(record)!, nodes: nodes(name), isCurrent, replacedAt };
    });
  let number = recorded.at(-1)?.number ?? 0;
  const unrecorded = new Map(
    replicas
      .filter(({ spec }) => spec.revision !== current && !names.has(nameOf(spec.revision)))
      .map(({ spec }) => [spec.revision, spec.template]),
  );
  const held = [...unrecorded].map(([revision, template]): AppRevision => ({
    number: ++number,
    template,
    nodes: nodes(nameOf(revision)),
    isCurrent: false,
  }));
  if (recorded.some(({ isCurrent }) => isCurrent)) return [...recorded, ...held];
  const present = { template: currentTemplate(app), nodes: nodes(nameOf(current)), isCurrent: true };
  return [...recorded, ...held, { number: number + 1, ...present }];
}

/**
 * Returns the revision to go back to: the one of a number, or the last one that runs something else than the current one
 * does. Throws ROLLOUT_REVISION_UNKNOWN.
 */
export function chooseRevision(app: WasmAppObject, revisions: readonly AppRevision[], number?: number): AppRevision {
  const { name } = app.metadata;
  const numbers = revisions.map((revision) => revision.number).join(", ");
  if (number !== undefined) {
    const found = revisions.find((revision) => revision.number === number);
    if (found !== undefined) return found;
    throw new WasmletError("ROLLOUT_REVISION_UNKNOWN", `${name} has no revision ${number}`, {
      expected: `one of: ${numbers}`,
    });
  }
  const current = currentTemplate(app);
  const found = revisions.findLast(({ isCurrent, template }) => !isCurrent && !isEqual(template, current));
  if (found !== undefined) return found;
  throw new WasmletError(
    "ROLLOUT_REVISION_UNKNOWN",
    `${name} has no earlier revision that differs from the current one`,
  );
}

function templateOf({ data }: ControllerRevision): AppTemplate | undefined {
  return (data as { template?: AppTemplate } | undefined)?.template;
}
