import { buckets } from "./case.ts";

/** What a recording rule computes from an invented past. */
export interface RecordingCase {
  series: Readonly<Record<string, string>>;
  at: string;
  /** By labels, as PromQL writes them. */
  expected: Readonly<Record<string, number>>;
}

const HELLO = 'namespace="shop",app="hello"';
const START = "wasmlet_startup_duration_seconds";

/** Two benchmarks, each with its own Wasm; one ran no virtual machine. */
const BENCHMARKS = {
  ...benchmark("proof", 'technology="wasm",runtime="v8",cache="warm"', { 0.001: 0, 0.002: 100, "+Inf": 100 }),
  ...benchmark("proof", 'technology="wasm",runtime="v8",cache="cold"', { 0.01: 0, 0.02: 100, "+Inf": 100 }),
  ...benchmark("proof", 'technology="vm",runtime="qemu",cache="warm"', { 1: 0, 2: 100, "+Inf": 100 }),
  ...benchmark("other", 'technology="wasm",runtime="v8",cache="warm"', { 0.1: 0, 0.2: 100, "+Inf": 100 }),
  // Apps of the cluster are no benchmark.
  ...buckets(
    START,
    `${HELLO},technology="wasm",runtime="v8",start="cold",phase="total"`,
    { 5: 0, 10: 9, "+Inf": 9 },
    20,
  ),
};

/** Cases of the rules of recordings.ts. */
export const RECORDING_CASES: Readonly<Record<string, RecordingCase>> = {
  "namespace_app:wasmlet_requests:rate5m": {
    series: {
      [`wasmlet_requests_total{${HELLO},code="2xx",start="warm",node="node1"}`]: "0+60x20",
      [`wasmlet_requests_total{${HELLO},code="5xx",start="cold",node="node2"}`]: "0+120x20",
      [`wasmlet_requests_total{namespace="shop",app="idle",code="2xx",start="warm",node="node1"}`]: "7x20",
    },
    at: "10m",
    expected: { [`{${HELLO}}`]: 3, '{namespace="shop",app="idle"}': 0 },
  },
  "namespace_app:wasmlet_request_errors:ratio_rate5m": {
    series: {
      [`wasmlet_requests_total{${HELLO},code="2xx",start="warm"}`]: "0+90x20",
      [`wasmlet_requests_total{${HELLO},code="5xx",start="warm"}`]: "0+30x20",
      [`wasmlet_requests_total{namespace="shop",app="well",code="2xx",start="warm"}`]: "0+1x20",
      [`wasmlet_requests_total{namespace="shop",app="idle",code="2xx",start="warm"}`]: "7x20",
    },
    at: "10m",
    expected: { [`{${HELLO}}`]: 0.25, '{namespace="shop",app="well"}': 0 },
  },
  "namespace_app:wasmlet_request_duration_seconds:p99_rate5m": {
    series: {
      ...buckets("wasmlet_request_duration_seconds", `${HELLO},start="warm"`, { 1: 50, 2: 50, "+Inf": 50 }, 20),
      ...buckets("wasmlet_request_duration_seconds", `${HELLO},start="cold"`, { 1: 0, 2: 50, "+Inf": 50 }, 20),
    },
    at: "10m",
    expected: { [`{${HELLO}}`]: 1.98 },
  },
  "namespace_app:wasmlet_cold_request_duration_seconds:p99_rate15m": {
    series: {
      ...buckets("wasmlet_request_duration_seconds", `${HELLO},start="cold"`, { 1: 0, 2: 60, "+Inf": 60 }, 20),
      ...buckets("wasmlet_request_duration_seconds", `${HELLO},start="warm"`, { 5: 0, 10: 600, "+Inf": 600 }, 20),
    },
    at: "18m",
    expected: { [`{${HELLO}}`]: 1.99 },
  },
  "benchmark_way:wasmlet_startup_duration_seconds:p50": {
    series: BENCHMARKS,
    at: "10m",
    expected: {
      '{benchmark="proof",technology="wasm",runtime="v8",cache="warm",accelerator="none"}': 0.0015,
      '{benchmark="proof",technology="wasm",runtime="v8",cache="cold",accelerator="none"}': 0.015,
      '{benchmark="proof",technology="vm",runtime="qemu",cache="warm",accelerator="none"}': 1.5,
      '{benchmark="other",technology="wasm",runtime="v8",cache="warm",accelerator="none"}': 0.15,
    },
  },
  "benchmark_way:wasmlet_startup_duration_seconds:p50_ratio_to_wasm": {
    series: BENCHMARKS,
    at: "10m",
    expected: {
      '{benchmark="proof",technology="wasm",runtime="v8",cache="warm",accelerator="none"}': 1,
      '{benchmark="proof",technology="wasm",runtime="v8",cache="cold",accelerator="none"}': 10,
      '{benchmark="proof",technology="vm",runtime="qemu",cache="warm",accelerator="none"}': 1000,
      '{benchmark="other",technology="wasm",runtime="v8",cache="warm",accelerator="none"}': 1,
    },
  },
  "benchmark_way:wasmlet_startup_duration_seconds:p99": {
    series: BENCHMARKS,
    at: "10m",
    expected: {
      '{benchmark="proof",technology="wasm",runtime="v8",cache="warm",accelerator="none"}': 0.00199,
      '{benchmark="proof",technology="wasm",runtime="v8",cache="cold",accelerator="none"}': 0.0199,
      '{benchmark="proof",technology="vm",runtime="qemu",cache="warm",accelerator="none"}': 1.99,
      '{benchmark="other",technology="wasm",runtime="v8",cache="warm",accelerator="none"}': 0.199,
    },
  },
  "benchmark_way:wasmlet_startup_duration_seconds:p99_ratio_to_wasm": {
    series: BENCHMARKS,
    at: "10m",
    expected: {
      '{benchmark="proof",technology="wasm",runtime="v8",cache="warm",accelerator="none"}': 1,
      '{benchmark="proof",technology="wasm",runtime="v8",cache="cold",accelerator="none"}': 10,
      '{benchmark="proof",technology="vm",runtime="qemu",cache="warm",accelerator="none"}': 1000,
      '{benchmark="other",technology="wasm",runtime="v8",cache="warm",accelerator="none"}': 1,
    },
  },
};

function benchmark(name: string, labels: string, perMinute: Record<string, number>): Record<string, string> {
  return buckets(START, `benchmark="${name}",${labels},accelerator="none",phase="total"`, perMinute, 20);
}
