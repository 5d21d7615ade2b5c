import { buckets, fires, quiet, type AlertCase } from "./case.ts";

const APPS = { controller: "wasmapp" };
const OPERATOR = 'job="wasmlet-system/wasmlet-operator"';

/** Cases of the alerts of operator-alerts.ts. */
export const OPERATOR_CASES: Readonly<Record<string, readonly AlertCase[]>> = {
  WasmletOperatorDown: [
    fires("every operator is down", "6m", { [`up{${OPERATOR},pod="a"}`]: "0x10", [`up{${OPERATOR},pod="b"}`]: "0x10" }),
    fires("there is no operator", "6m", { 'up{job="default/shop"}': "1x10" }),
    quiet("while one answers", "6m", { [`up{${OPERATOR},pod="a"}`]: "0x10", [`up{${OPERATOR},pod="b"}`]: "1x10" }),
  ],
  WasmletOperatorNoLeader: [
    fires("all stand by", "4m", { 'wasmlet_leader{pod="a"}': "1 0x10", 'wasmlet_leader{pod="b"}': "0x10" }),
    quiet("while one leads", "4m", { 'wasmlet_leader{pod="a"}': "1x10", 'wasmlet_leader{pod="b"}': "0x10" }),
    quiet("while the lead is handed over", "4m", {
      'wasmlet_leader{pod="a"}': "1 0x10",
      'wasmlet_leader{pod="b"}': "0 0 1x10",
    }),
  ],
  WasmletOperatorManyLeaders: [
    fires("two lead", "6m", { 'wasmlet_leader{pod="a"}': "1x10", 'wasmlet_leader{pod="b"}': "1x10" }, { value: "2" }),
    quiet("while one leads", "6m", { 'wasmlet_leader{pod="a"}': "1x10", 'wasmlet_leader{pod="b"}': "0x10" }),
  ],
  WasmletOperatorNotSynced: [
    fires(
      "an operator does not get to read everything",
      "11m",
      { 'wasmlet_synced{pod="a"}': "0x20", 'wasmlet_synced{pod="b"}': "1x20" },
      { labels: { pod: "a" } },
    ),
    quiet("while it starts", "11m", { 'wasmlet_synced{pod="a"}': "0x3 1x20" }),
  ],
  WasmletWorkQueueStuck: [
    fires(
      "objects wait and none is reconciled",
      "16m",
      {
        'wasmlet_workqueue_depth{controller="wasmapp",pod="a"}': "7x20",
        'wasmlet_workqueue_depth{controller="wasmapp",pod="b"}': "0x20",
        'wasmlet_reconcile_duration_seconds_count{controller="wasmapp",pod="a"}': "5x20",
      },
      { labels: APPS, value: "7" },
    ),
    fires(
      "objects wait and none was ever reconciled",
      "16m",
      { 'wasmlet_workqueue_depth{controller="wasmapp",pod="a"}': "1x20" },
      { labels: APPS, value: "1" },
    ),
    quiet("while the queue moves", "16m", {
      'wasmlet_workqueue_depth{controller="wasmapp",pod="a"}': "7x20",
      'wasmlet_reconcile_duration_seconds_count{controller="wasmapp",pod="a"}': "0+5x20",
    }),
    quiet("when nothing waits", "16m", {
      'wasmlet_workqueue_depth{controller="wasmapp",pod="a"}': "0x20",
      'wasmlet_reconcile_duration_seconds_count{controller="wasmapp",pod="a"}': "5x20",
    }),
  ],
  WasmletWorkQueueSlow: [
    fires(
      "changes wait for long",
      "25m",
      buckets("wasmlet_workqueue_wait_seconds", 'controller="wasmapp"', { 5: 0, 10: 60, "+Inf": 60 }, 30),
      { labels: APPS },
    ),
    quiet(
      "when they wait for a moment",
      "25m",
      buckets("wasmlet_workqueue_wait_seconds", 'controller="wasmapp"', { 0.005: 60, "+Inf": 60 }, 30),
    ),
  ],
  WasmletReconcileErrors: [
    fires(
      "reconciles go on failing",
      "40m",
      { 'wasmlet_reconcile_errors_total{controller="wasmapp",code="KUBE_FORBIDDEN"}': "0+1x60" },
      { labels: { ...APPS, code: "KUBE_FORBIDDEN" }, value: "15" },
    ),
    quiet("after errors that ended", "40m", {
      'wasmlet_reconcile_errors_total{controller="wasmapp",code="KUBE_FORBIDDEN"}': "0+3x5 15x60",
    }),
  ],
  WasmletOperatorWatchBroken: [
    fires(
      "a watch breaks each minute",
      "35m",
      { 'wasmlet_watch_errors_total{resource="secrets"}': "0+1x40" },
      { labels: { resource: "secrets" }, value: "15" },
    ),
    quiet("when the API server was replaced", "35m", { 'wasmlet_watch_errors_total{resource="secrets"}': "0x5 3x40" }),
  ],
  WasmletOperatorWritesForever: [
    fires(
      "something is written ten times a second",
      "80m",
      { 'wasmlet_writes_total{verb="patch",resource="services"}': "0+600x90" },
      { labels: { resource: "services" }, value: "10" },
    ),
    quiet("after a thousand apps were applied", "80m", {
      'wasmlet_writes_total{verb="create",resource="wasmreplicas"}': "0x5 5000x90",
    }),
  ],
};
