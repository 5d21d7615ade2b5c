import { API_VERSION } from "../../crds/wasm-app/names.ts";
import type { AppTemplate } from "../../crds/wasm-replica/types.ts";
import type { AppView } from "../runtime-api.ts";
import type { Replica } from "./replica.ts";

/** What a test changes of a replica. */
export interface ReplicaChanges {
  metadata?: Partial<Replica["metadata"]>;
  spec?: Record<string, unknown>;
  status?: NonNullable<Replica["status"]>;
}

/** Returns a template as the operator writes it, without what the API server fills in. */
export function minimalTemplate(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { source: { configMap: { name: "program", key: "app.wasm" } }, ...changes };
}

/** Returns the smallest valid WasmReplica, named after its app; parts that are given stand in for its own. */
export function minimalReplica(name: string, { metadata, spec, status }: ReplicaChanges = {}): Replica {
  return {
    apiVersion: API_VERSION,
    kind: "WasmReplica",
    metadata: { name, namespace: "default", uid: `uid-${name}`, generation: 1, resourceVersion: "1", ...metadata },
    spec: {
      nodeName: "node1",
      runtimeName: "default",
      appName: name,
      port: 20_000,
      revision: "r1",
      template: minimalTemplate(),
      ...spec,
    },
    ...(status !== undefined && { status }),
  };
}

/** Returns what a runtime shows of an app. */
export function minimalView(name: string, changes: Partial<AppView> = {}): AppView {
  return {
    namespace: "default",
    name,
    kind: "http",
    state: "Ready",
    urls: [],
    conditions: [],
    startPhases: {},
    restarts: 0,
    instances: 0,
    ...changes,
  };
}

/** Returns a template with a command that is started again as the policy says. */
export function commandTemplate(restartPolicy: "Always" | "OnFailure" | "Never"): AppTemplate {
  return minimalTemplate({ trigger: { command: { args: [], restartPolicy } } }) as unknown as AppTemplate;
}
