import { buckets, fires, quiet, type AlertCase } from "./case.ts";

const HELLO = 'namespace="shop",app="hello"';
const LABELS = { namespace: "shop", app: "hello" };

function requests(code: string, values: string, node = "node1"): Record<string, string> {
  return { [`wasmlet_requests_total{${HELLO},code="${code}",start="warm",node="${node}"}`]: values };
}

/** Cases of the alerts of app-alerts.ts. */
export const APP_CASES: Readonly<Record<string, readonly AlertCase[]>> = {
  WasmletAppsNotReady: [
    fires(
      "an app is not ready for long, told by both operators",
      "16m",
      { 'wasmlet_apps{ready="false",pod="a"}': "2x20", 'wasmlet_apps{ready="false",pod="b"}': "2x20" },
      { value: "2" },
    ),
    quiet("while an app is being rolled out", "14m", { 'wasmlet_apps{ready="false",pod="a"}': "1x20" }),
    quiet("when all are ready", "20m", { 'wasmlet_apps{ready="false",pod="a"}': "0x20" }),
  ],
  WasmletAppErrors: [
    fires(
      "one of ten requests fails, over all nodes",
      "12m",
      { ...requests("2xx", "0+90x20"), ...requests("5xx", "0+10x20", "node2") },
      { labels: LABELS, value: "10%" },
    ),
    fires("every request fails", "12m", requests("5xx", "0+60x20"), { labels: LABELS, value: "100%" }),
    quiet("when one of a hundred fails", "12m", { ...requests("2xx", "0+99x20"), ...requests("5xx", "0+1x20") }),
    quiet("when errors are the clients'", "12m", { ...requests("2xx", "0+60x20"), ...requests("4xx", "0+60x20") }),
    quiet("when an app is hardly asked", "12m", requests("5xx", "0+1x20")),
    quiet("once errors ended", "20m", { ...requests("2xx", "0+60x30"), ...requests("5xx", "0+60x10 600x20") }),
  ],
  WasmletAppSlow: [
    fires(
      "one of twenty requests takes long",
      "25m",
      {
        ...requests("2xx", "0+100x30"),
        ...buckets("wasmlet_request_duration_seconds", HELLO, { 0.1: 95, 5: 95, 10: 100, "+Inf": 100 }, 30),
      },
      { labels: LABELS, value: "9s" },
    ),
    quiet("when one of two hundred does", "25m", {
      ...requests("2xx", "0+200x30"),
      ...buckets("wasmlet_request_duration_seconds", HELLO, { 0.1: 199, 5: 199, 10: 200, "+Inf": 200 }, 30),
    }),
    quiet("when nobody asks", "25m", {
      ...requests("2xx", "100x30"),
      ...buckets("wasmlet_request_duration_seconds", HELLO, { 0.1: 0, "+Inf": 0 }, 30),
    }),
  ],
  WasmletColdStartsSlow: [
    fires(
      "waking takes a second",
      "35m",
      buckets("wasmlet_request_duration_seconds", `${HELLO},start="cold"`, { 0.5: 0, 1: 2, "+Inf": 2 }, 40),
      { labels: LABELS, value: "995ms" },
    ),
    quiet("when waking takes milliseconds, and requests of an app that is awake take long", "35m", {
      ...buckets("wasmlet_request_duration_seconds", `${HELLO},start="cold"`, { 0.0025: 2, "+Inf": 2 }, 40),
      ...buckets("wasmlet_request_duration_seconds", `${HELLO},start="warm"`, { 0.5: 0, 60: 1, "+Inf": 1 }, 40),
    }),
    quiet(
      "when a command works for a minute",
      "35m",
      buckets(
        "wasmlet_startup_duration_seconds",
        `${HELLO},start="cold",phase="first_response"`,
        { 0.5: 0, 60: 5, "+Inf": 5 },
        40,
      ),
    ),
  ],
  WasmletAppLimitHits: [
    fires(
      "requests are refused again and again",
      "20m",
      { [`wasmlet_limit_hits_total{${HELLO},limit="concurrency",node="node1"}`]: "0+60x30" },
      { labels: { ...LABELS, limit: "concurrency" }, value: "1" },
    ),
    quiet("when one request in two minutes is ended", "20m", {
      [`wasmlet_limit_hits_total{${HELLO},limit="request_timeout",node="node1"}`]:
        "0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9",
    }),
    quiet("when clients send bodies that are too long", "20m", {
      [`wasmlet_limit_hits_total{${HELLO},limit="request_body",node="node1"}`]: "0+60x30",
    }),
  ],
  WasmletEgressDenied: [
    fires(
      "an app goes on connecting to where it may not",
      "15m",
      { [`wasmlet_egress_denied_total{${HELLO},node="node1"}`]: "0+30x20" },
      { labels: LABELS, value: "500m" },
    ),
    quiet("when nothing is refused", "15m", { [`wasmlet_egress_denied_total{${HELLO},node="node1"}`]: "3x20" }),
  ],
  WasmletLogLinesDropped: [
    fires(
      "lines are lost for long",
      "25m",
      { [`wasmlet_log_lines_dropped_total{${HELLO},node="node1"}`]: "0+6000x30" },
      { labels: LABELS, value: "100" },
    ),
    quiet("after one burst", "25m", {
      [`wasmlet_log_lines_dropped_total{${HELLO},node="node1"}`]: "0 6000x30",
    }),
  ],
};
