import { FIELD_MANAGER, type WasmAppObject } from "../objects.ts";
import type { Finding } from "./conditions.ts";
import { buildHttpRoute, isSameParent, parentRefsOf, type HttpRoute, type ParentRef } from "./http-route.ts";
import type { ObservedApp } from "./observed.ts";
import { isOwn } from "./ownership.ts";
import { isSameRoute } from "./writes.ts";

/*
 * Whether an app can be reached through its Gateways. That it cannot be is no reason for it not to run: it answers in the
 * cluster all the same.
 */

/** What Gateways may object to, in the order in which they judge, and what the app is told then. */
const OBJECTIONS = [
  ["Accepted", "HTTPRouteNotAccepted"],
  ["ResolvedRefs", "HTTPRouteRefsNotResolved"],
] as const;

/** What a Gateway says may be as long as a whole condition. */
const MAX_MESSAGE = 4096;

type ParentStatus = NonNullable<NonNullable<HttpRoute["status"]>["parents"]>[number];

/** Returns the condition `Exposed` of an app; undefined for one that is not to be exposed. */
export function exposureOf(observed: ObservedApp): Finding | undefined {
  const { app } = observed;
  const desired = buildHttpRoute(app);
  if (desired === undefined) return undefined;
  // What is about to be changed was answered for as it was.
  const answered = observed.httpRoute && isSameRoute(desired, observed.httpRoute) ? observed.httpRoute : undefined;
  const problem = absentApi(observed) ?? foreignRoute(observed) ?? objection(app, answered);
  if (problem !== undefined) return { type: "Exposed", status: "False", ...problem };
  const waiting = parentRefsOf(app).filter((ref) => !isAccepted(answered, ref));
  if (waiting.length > 0) {
    const message = `no answer yet from ${waiting.map(nameOf).join(", ")}: if none comes, check that the Gateway is there and that its controller runs`;
    return { type: "Exposed", status: "Unknown", reason: "HTTPRoutePending", message };
  }
  const message = `accepted by ${parentRefsOf(app).map(nameOf).join(", ")}`;
  return { type: "Exposed", status: "True", reason: "Accepted", message };
}

type Problem = Pick<Finding, "reason" | "message">;

function absentApi({ gatewayApiAbsence }: ObservedApp): Problem | undefined {
  if (gatewayApiAbsence === undefined) return undefined;
  if (gatewayApiAbsence === "forbidden") {
    const message = `the operator may not read HTTPRoutes: bring its ClusterRole up to that of the chart, which grants httproutes of gateway.networking.k8s.io`;
    return { reason: "GatewayApiForbidden", message };
  }
  const message =
    "spec.expose needs HTTPRoute of gateway.networking.k8s.io/v1, which the cluster does not have: install the Gateway API (https://gateway-api.sigs.k8s.io) and a controller for it, or leave spec.expose out";
  return { reason: "GatewayApiMissing", message };
}

/** An HTTPRoute of that name that is not the app's is left alone. */
function foreignRoute({ app, httpRoute }: ObservedApp): Problem | undefined {
  if (httpRoute === undefined || isOwn(app, httpRoute)) return undefined;
  const message = `the HTTPRoute ${app.metadata.name} belongs to something else (it is not managed by ${FIELD_MANAGER}): rename the app or remove that HTTPRoute`;
  return { reason: "HTTPRouteConflict", message };
}

function objection(app: WasmAppObject, route: HttpRoute | undefined): Problem | undefined {
  for (const ref of parentRefsOf(app)) {
    for (const { conditions = [] } of answersOf(route, ref)) {
      for (const [type, reason] of OBJECTIONS) {
        const refused = conditions.find((condition) => condition.type === type && condition.status === "False");
        if (refused === undefined) continue;
        return {
          reason,
          message: `${nameOf(ref)}: ${(refused.message ?? "").slice(0, MAX_MESSAGE)} (${refused.reason ?? type})`,
        };
      }
    }
  }
  return undefined;
}

function isAccepted(route: HttpRoute | undefined, ref: ParentRef): boolean {
  return answersOf(route, ref).some(({ conditions = [] }) =>
    conditions.some(({ type, status }) => type === "Accepted" && status === "True"),
  );
}

/** What was said of an earlier version of the route, or at a parent that it had then, no longer counts. */
function answersOf(route: HttpRoute | undefined, ref: ParentRef): ParentStatus[] {
  const { generation = 0, namespace = "default" } = route?.metadata ?? {};
  return (route?.status?.parents ?? [])
    .filter(({ parentRef }) => isSameParent({ namespace, ...parentRef }, ref))
    .map(({ parentRef, conditions = [] }) => ({
      parentRef,
      conditions: conditions.filter(({ observedGeneration = generation }) => observedGeneration >= generation),
    }));
}

function nameOf({ namespace, name, sectionName }: ParentRef): string {
  return `Gateway ${namespace}/${name}${sectionName === undefined ? "" : `, listener ${sectionName}`}`;
}
