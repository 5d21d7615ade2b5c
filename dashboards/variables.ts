import type { DataSourceRef, Variable } from "./grafana.ts";

/** The data source that the reader chose. */
export const CHOSEN_DATA_SOURCE: DataSourceRef = { type: "prometheus", uid: "${datasource}" };

/** Which Prometheus is asked. */
export const DATA_SOURCE: Variable = {
  name: "datasource",
  label: "Data source",
  description: "The Prometheus that scrapes Wasmlet",
  type: "datasource",
  hide: 0,
  skipUrlSync: false,
  query: "prometheus",
  regex: "",
  refresh: 1,
  multi: false,
  includeAll: false,
  options: [],
};

/** Returns a variable with the values of a label, of which one is chosen. */
export function oneOf(name: string, label: string, description: string, query: string): Variable {
  return {
    name,
    label,
    description,
    type: "query",
    hide: 0,
    skipUrlSync: false,
    datasource: CHOSEN_DATA_SOURCE,
    query: { query, refId: `variable-${name}` },
    definition: query,
    // When the time range changes: what is gone stays readable as long as it was there.
    refresh: 2,
    regex: "",
    sort: 1,
    multi: false,
    includeAll: false,
    options: [],
  };
}

/** Returns a variable with the values of a label, of which several may be chosen; all, at first. */
export function someOf(name: string, label: string, description: string, query: string): Variable {
  return {
    ...oneOf(name, label, description, query),
    multi: true,
    includeAll: true,
    // Matches series without the label too: those of a node runtime that is no pod.
    allValue: ".*",
    current: { selected: true, text: ["All"], value: ["$__all"] },
  };
}

/** Returns a variable with fixed values, the first of which is chosen at first. */
export function choice(name: string, label: string, description: string, values: readonly string[]): Variable {
  const options = values.map((value, index) => ({ text: value, value, selected: index === 0 }));
  return {
    name,
    label,
    description,
    type: "custom",
    hide: 0,
    skipUrlSync: false,
    query: values.join(","),
    multi: false,
    includeAll: false,
    options,
    current: options[0],
  };
}

/** Nodes that run apps. */
export const NODES = someOf("node", "Node", "Nodes whose runtimes are shown", "label_values(wasmlet_cells, node)");

/** Namespaces that have apps. */
export const NAMESPACES = someOf(
  "namespace",
  "Namespace",
  "Namespaces whose apps are shown",
  "label_values(wasmlet_instances, namespace)",
);
