import { fires, quiet, type AlertCase } from "./case.ts";

const RUNTIME = 'job="wasmlet-system/wasmlet-runtime-default",namespace="wasmlet-system",pod="r-1",node="node1"';
const NODE = { node: "node1" };

/** Cases of the alerts of node-alerts.ts. */
export const NODE_CASES: Readonly<Record<string, readonly AlertCase[]>> = {
  WasmletRuntimeDown: [
    fires(
      "a runtime does not answer",
      "6m",
      { [`up{${RUNTIME}}`]: "0x10" },
      {
        labels: {
          job: "wasmlet-system/wasmlet-runtime-default",
          namespace: "wasmlet-system",
          pod: "r-1",
          ...NODE,
        },
      },
    ),
    quiet("while it answers", "6m", { [`up{${RUNTIME}}`]: "1x10" }),
    quiet("when it missed one scrape", "6m", { [`up{${RUNTIME}}`]: "1 1 0 1x10" }),
    quiet("when another program is down", "6m", { 'up{job="default/shop"}': "0x10" }),
  ],
  WasmletNoRuntime: [
    fires(
      "there are apps and every runtime is down",
      "6m",
      {
        'wasmlet_apps{ready="true",pod="a"}': "0x10",
        'wasmlet_apps{ready="false",pod="a"}': "3x10",
        'wasmlet_apps{ready="false",pod="b"}': "3x10",
        [`up{${RUNTIME}}`]: "0x10",
      },
      { value: "3" },
    ),
    fires("no runtime is known at all", "6m", { 'wasmlet_apps{ready="false",pod="a"}': "1x10" }, { value: "1" }),
    quiet("while one runtime answers", "6m", {
      'wasmlet_apps{ready="true",pod="a"}': "3x10",
      [`up{${RUNTIME}}`]: "1x10",
    }),
    quiet("without apps", "6m", { 'wasmlet_apps{ready="true",pod="a"}': "0x10" }),
  ],
  WasmletReplicasFailing: [
    fires(
      "replicas are in BackOff for long",
      "11m",
      {
        'wasmlet_replicas{state="BackOff",node="node1"}': "1x20",
        'wasmlet_replicas{state="Failed",node="node1"}': "1x20",
        'wasmlet_replicas{state="Ready",node="node2"}': "5x20",
      },
      { labels: NODE, value: "2" },
    ),
    quiet("when a replica was in BackOff for minutes", "11m", {
      'wasmlet_replicas{state="BackOff",node="node1"}': "1x6 0x20",
    }),
  ],
  WasmletCellsRestarting: [
    fires(
      "several cells died in half an hour",
      "30m",
      { 'wasmlet_cell_restarts_total{node="node1",pod="r-1"}': "0x5 0+1x5 5x30" },
      { labels: NODE, value: "5" },
    ),
    quiet("when one died", "30m", { 'wasmlet_cell_restarts_total{node="node1",pod="r-1"}': "0x5 1x30" }),
    quiet("when the runtime itself was replaced", "30m", {
      'wasmlet_cell_restarts_total{node="node1",pod="r-1"}': "4x10 _x30",
      'wasmlet_cell_restarts_total{node="node1",pod="r-2"}': "_x10 0x30",
    }),
  ],
  WasmletCellCrashLoop: [
    fires(
      "cells die twice a minute",
      "25m",
      { 'wasmlet_cell_restarts_total{node="node1",pod="r-1"}': "0+2x30" },
      { labels: NODE, value: "20" },
    ),
    quiet("after a burst that ended", "25m", { 'wasmlet_cell_restarts_total{node="node1",pod="r-1"}': "0+3x5 15x30" }),
  ],
  WasmletRuntimeDisconnected: [
    fires(
      "the API server is out of reach for long",
      "11m",
      { 'wasmlet_kube_connected{node="node1",pod="r-1"}': "0x20" },
      { labels: { ...NODE, pod: "r-1" } },
    ),
    quiet("while the API server is replaced", "11m", {
      'wasmlet_kube_connected{node="node1",pod="r-1"}': "1 0x5 1x20",
    }),
  ],
  WasmletRuntimeWatchBroken: [
    fires(
      "the watch breaks each minute",
      "35m",
      { 'wasmlet_kube_watch_restarts_total{node="node1"}': "0+1x40" },
      { labels: NODE, value: "15" },
    ),
    quiet("when it breaks every few minutes", "35m", {
      'wasmlet_kube_watch_restarts_total{node="node1"}': "0 0 0 1 1 1 2 2 2 3 3 3 4 4 4 5x40",
    }),
  ],
  WasmletStatusWritesFailing: [
    fires(
      "writes fail for long",
      "25m",
      { 'wasmlet_replica_status_writes_total{node="node1",result="error"}': "0+1x30" },
      { labels: NODE },
    ),
    quiet("when others wrote first", "25m", {
      'wasmlet_replica_status_writes_total{node="node1",result="conflict"}': "0+1x30",
      'wasmlet_replica_status_writes_total{node="node1",result="written"}': "0+9x30",
    }),
  ],
  WasmletReferencesUnreadable: [
    fires(
      "reads fail for long",
      "25m",
      { 'wasmlet_reference_reads_total{node="node1",result="error"}': "0+1x30" },
      { labels: NODE },
    ),
    quiet("when what is named is not there", "25m", {
      'wasmlet_reference_reads_total{node="node1",result="missing"}': "0+1x30",
    }),
  ],
  WasmletCacheThrashing: [
    fires(
      "programs are removed without end",
      "100m",
      { 'wasmlet_artifact_cache_evictions_total{node="node1"}': "0+1x120" },
      { labels: NODE, value: "60" },
    ),
    quiet("after the cache made room once", "100m", {
      'wasmlet_artifact_cache_evictions_total{node="node1"}': "0x10 30x120",
    }),
  ],
};
