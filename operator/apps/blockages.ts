import { FIELD_MANAGER } from "../objects.ts";
import type { ObservedApp } from "./observed.ts";
import type { ImageState } from "./plan.ts";
import type { Reference } from "./references.ts";
import { isOwn } from "./ownership.ts";

/** Why the revision that an app asks for cannot be had. What runs goes on running. */
export interface Blockage {
  /** Of the condition: a word, or a code of docs/errors.md. */
  reason: string;
  message: string;
  /** Whether this is the ordinary course of things and no mistake. */
  isWaiting?: boolean;
}

interface Findings {
  references: readonly Reference[];
  image: ImageState;
  port: number | undefined;
  isHttp: boolean;
}

/** Returns the first thing that stands in an app's way, in the order in which a user would mend them. */
export function blockedBy(observed: ObservedApp, findings: Findings): Blockage | undefined {
  return (
    unsupportedField(observed) ??
    unknownRuntime(observed) ??
    missingReference(observed, findings) ??
    foreignService(observed, findings) ??
    noPort(observed, findings) ??
    unresolvedImage(findings)
  );
}

/** Fields that the API has and nobody honours yet: refused, so that nobody relies on them. */
function unsupportedField({ app: { spec } }: ObservedApp): Blockage | undefined {
  const { strategy } = spec.rollout;
  if (strategy !== "Canary") return undefined;
  const message = `spec.rollout.strategy ${strategy} is not honoured yet: use RollingUpdate or Recreate`;
  return { reason: "FieldNotSupported", message };
}

function unknownRuntime({ app, runtime, runtimeNames }: ObservedApp): Blockage | undefined {
  if (runtime !== undefined) return undefined;
  const known = runtimeNames.length === 0 ? "there is none yet" : `there are ${runtimeNames.join(", ")}`;
  const asked = app.spec.placement?.runtimeRef?.name;
  const message =
    asked === undefined
      ? `there is no WasmRuntime called default (${known}): create it, or name one in spec.placement.runtimeRef`
      : `there is no WasmRuntime ${asked} (${known}): correct spec.placement.runtimeRef, or create it`;
  return { reason: "RuntimeNotFound", message };
}

function missingReference({ app, versionOf }: ObservedApp, { references }: Findings): Blockage | undefined {
  const missing = references.find((reference) => !reference.isOptional && versionOf(reference) === undefined);
  if (missing === undefined) return undefined;
  const { kind, name, field } = missing;
  const message = `${field} refers to the ${kind} ${name}, which is not in the namespace ${app.metadata.namespace ?? ""}: create it, or correct the name`;
  return { reason: `${kind}NotFound`, message };
}

/** A Service of that name that is not the app's is left alone. */
function foreignService({ app, service }: ObservedApp, { isHttp }: Findings): Blockage | undefined {
  if (!isHttp || service === undefined) return undefined;
  if (isOwn(app, service)) return undefined;
  const message = `the Service ${app.metadata.name} belongs to something else (it is not managed by ${FIELD_MANAGER}): rename the app or remove that Service`;
  return { reason: "ServiceConflict", message };
}

function noPort({ runtime }: ObservedApp, { isHttp, port }: Findings): Blockage | undefined {
  if (!isHttp || port !== undefined || runtime === undefined) return undefined;
  const { first, last } = runtime.spec.ports;
  const message = `every port from ${first} to ${last} of the WasmRuntime ${runtime.metadata.name} is taken: widen its spec.ports, or delete apps`;
  return { reason: "PortsExhausted", message };
}

function unresolvedImage({ image: { need, failure } }: Findings): Blockage | undefined {
  if (failure !== undefined) return { reason: failure.code, message: failure.message };
  if (need === undefined) return undefined;
  return { reason: "ResolvingImage", message: `looking up where ${need.image} leads`, isWaiting: true };
}
