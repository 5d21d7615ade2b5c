import { createHash } from "node:crypto";
import { nodeAccountName } from "../../crds/wasm-replica/node-account.ts";
import { APP_LABEL } from "../../crds/wasm-replica/types.ts";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import { controllerReference, type ObjectMeta } from "../../kube/objects.ts";
import type { ControllerRevision, Role, RoleBinding, Service } from "../../kube/resources.ts";
import { MANAGED_BY, type WasmAppObject, type WasmReplica } from "../objects.ts";
import type { Reference } from "./references.ts";
import type { RevisionOf } from "./rollout.ts";

/* What an app's objects are to be: pure functions of the app and of what was decided about it. */

/** The port of an app's Service. */
export const SERVICE_PORT = 80;

const HASH_DIGITS = 10;
/** Names of objects may have 253 characters; those that become label values 63. */
const MAX_NAME = 63;

/** Returns the name of an app's replica on a node in a pool: always the same, so that applying it twice never makes two. */
function replicaName(app: string, node: string, runtimeName: string): string {
  return hashedName(app, `${runtimeName}/${node}`);
}

/** Returns the labels of an app's objects. */
function labelsOf({ metadata }: WasmAppObject): Record<string, string> {
  return { [APP_LABEL]: metadata.name, "app.kubernetes.io/managed-by": MANAGED_BY };
}

/** Returns the selector of an app's replicas, for the scale subresource. */
export function selectorOf({ metadata }: WasmAppObject): string {
  return `${APP_LABEL}=${metadata.name}`;
}

/** Returns one app on one node. */
export function buildReplica(
  app: WasmAppObject,
  nodeName: string,
  runtimeName: string,
  { revision, template, previous, suspend }: RevisionOf,
  port: number | undefined,
): WasmReplica {
  return {
    apiVersion: API_VERSION,
    kind: "WasmReplica",
    metadata: metadataOf(app, replicaName(app.metadata.name, nodeName, runtimeName)),
    spec: {
      nodeName,
      runtimeName,
      appName: app.metadata.name,
      ...(port !== undefined && { port }),
      revision,
      template,
      ...(suspend === true && { suspend }),
      ...(previous !== undefined && { previous: { revision: previous.revision, template: previous.template } }),
    },
  };
}

/** Returns the Service of an http app: without a selector, because its endpoints are pods that other apps share. */
export function buildService(app: WasmAppObject, port: number): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(app, app.metadata.name),
    spec: {
      type: "ClusterIP",
      ports: [{ name: "http", protocol: "TCP", port: SERVICE_PORT, targetPort: port, appProtocol: "http" }],
    },
  };
}

/** Returns the Role that opens exactly what an app refers to; undefined when it refers to nothing. */
export function buildRole(app: WasmAppObject, references: readonly Reference[]): Role | undefined {
  if (references.length === 0) return undefined;
  const namesOf = (kind: Reference["kind"]): string[] =>
    references.filter((reference) => reference.kind === kind).map(({ name }) => name);
  const rules = [
    { resource: "configmaps", names: namesOf("ConfigMap") },
    { resource: "secrets", names: namesOf("Secret") },
  ];
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: metadataOf(app, roleNameOf(app)),
    rules: rules
      .filter(({ names }) => names.length > 0)
      .map(({ resource, names }) => ({ apiGroups: [""], resources: [resource], resourceNames: names, verbs: ["get"] })),
  };
}

/** Returns who may read it: the accounts of the nodes that the app is placed on. */
export function buildRoleBinding(app: WasmAppObject, nodes: readonly string[], systemNamespace: string): RoleBinding {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: metadataOf(app, roleNameOf(app)),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: roleNameOf(app) },
    subjects: nodes.map((node) => ({
      kind: "ServiceAccount",
      name: nodeAccountName(node),
      namespace: systemNamespace,
    })),
  };
}

/** Returns the name of the record of an app's revision. */
export function revisionName(app: string, revision: string): string {
  return hashedName(app, revision);
}

/** Returns the record of a revision that an app leaves behind, for `kubectl wasmlet rollout undo`. */
export function buildRevision(
  app: WasmAppObject,
  { revision, template }: RevisionOf,
  number: number,
): ControllerRevision {
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: metadataOf(app, revisionName(app.metadata.name, revision)),
    data: { template },
    revision: number,
  };
}

/** Returns a name that starts with the app's and is another one for each app and part, even where names are cut. */
function hashedName(app: string, part: string): string {
  const hash = createHash("sha256").update(`${app}/${part}`).digest("hex").slice(0, HASH_DIGITS);
  return `${app.slice(0, MAX_NAME - HASH_DIGITS - 1)}-${hash}`;
}

/** Returns the name of the Role and the RoleBinding of an app. */
export function roleNameOf({ metadata }: WasmAppObject): string {
  return `wasmlet-${metadata.name}`;
}

/** Returns metadata of an object that goes with the app, without anybody's help. */
export function metadataOf(app: WasmAppObject, name: string): ObjectMeta & { namespace: string } {
  return {
    name,
    namespace: app.metadata.namespace ?? "default",
    labels: labelsOf(app),
    ownerReferences: [controllerReference(app)],
  };
}
