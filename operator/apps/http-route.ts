import type { KubeObject } from "../../kube/objects.ts";
import { namespaced } from "../../kube/resources.ts";
import type { WasmAppObject } from "../objects.ts";
import { metadataOf, SERVICE_PORT } from "./resources.ts";

/* The HTTPRoute of an app that is exposed: https://gateway-api.sigs.k8s.io/reference/spec/#httproute */

/** A Gateway, or one listener of it, that a route attaches to. */
export interface ParentRef {
  name: string;
  namespace?: string;
  sectionName?: string;
}

/** What one controller says of a route at one of its parents. */
interface RouteParentStatus {
  parentRef: ParentRef;
  conditions?: { type: string; status: string; reason?: string; message?: string; observedGeneration?: number }[];
}

/** An HTTPRoute of the Gateway API, as far as apps have one. */
export type HttpRoute = KubeObject & {
  spec: { parentRefs?: ParentRef[]; hostnames?: string[]; rules?: object[] };
  status?: { parents?: RouteParentStatus[] };
};

/** Where HTTPRoutes live; clusters without the Gateway API have none. */
export const HTTP_ROUTES = namespaced<HttpRoute>("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes");

/**
 * Returns the HTTPRoute that leads to an app's Service; undefined for an app that is not exposed. Nothing that the API
 * server would fill in is left out where the app may say otherwise later: that would not show as a change.
 */
export function buildHttpRoute(app: WasmAppObject): HttpRoute | undefined {
  const wanted = app.spec.expose?.httpRoute;
  if (wanted === undefined) return undefined;
  return {
    apiVersion: HTTP_ROUTES.apiVersion,
    kind: HTTP_ROUTES.kind,
    metadata: metadataOf(app, app.metadata.name),
    spec: {
      parentRefs: parentRefsOf(app),
      hostnames: wanted.hostnames ?? [],
      rules: [
        {
          matches: wanted.paths.map(({ type, value }) => ({ path: { type, value } })),
          backendRefs: [{ name: app.metadata.name, port: SERVICE_PORT }],
        },
      ],
    },
  };
}

/** Returns the parents that an app asks for, each with its namespace. */
export function parentRefsOf({ metadata, spec }: WasmAppObject): ParentRef[] {
  const namespace = metadata.namespace ?? "default";
  return (spec.expose?.httpRoute.parentRefs ?? []).map((ref) => Object.assign({ namespace }, ref));
}

/** Returns whether two references, each with its namespace, mean the same parent. */
export function isSameParent(a: ParentRef, b: ParentRef): boolean {
  return a.name === b.name && a.namespace === b.namespace && a.sectionName === b.sectionName;
}
