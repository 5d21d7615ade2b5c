import { formatSeconds } from "../cli/output.ts";
import { formatTable } from "../cli/table.ts";
import type { Goal } from "./goals.ts";
import type { Report } from "./report.ts";
import type { ArmSummary } from "./stats.ts";

const ARM_HEAD = ["scenario", "arm", "requests", "p50", "p99", "CPU/request", "wall", "load"];
const GOAL_HEAD = ["goal", "bound", "measured", "middle half of rounds", "met"];

/** Returns the report for people. */
export function formatReport(report: Report): string {
  return [
    `${describeMachine(report)}\n`,
    formatTable(ARM_HEAD, report.arms.map(armRow)),
    formatTable(GOAL_HEAD, report.goals.map(goalRow)),
    ...report.notes.map((note) => `${note}\n`),
  ].join("\n");
}

/** Returns docs/performance.md. */
export function formatPage(report: Report): string {
  const missed = report.goals.filter(({ met }) => !met);
  return `# Performance

What the node runtime costs, beside what it competes with on the same machine. This page is the output of one run; nothing in
it is taken from elsewhere. Repeat it, and rewrite the page:

\`\`\`sh
npm run bench -- --write-docs
npm run --silent bench -- -o json > samples.json # every raw sample
npm run bench -- http-warm cold                  # some scenarios only; --help names them
npm run bench -- --quick                         # faster, noisier
npm run bench:peers                              # workerd and the Rust embedding of wasmtime, once; wasmtime itself: PATH
\`\`\`

## This run

${describeMachine(report)}

${markdownTable(ARM_HEAD, report.arms.map(armRow))}

"CPU/request" is the serving process's, the client's not included; for \`demo\` it is that of all processes of one start. "load"
is the median of the machine's one-minute load average: above the number of CPUs, other programs took part of the time, and
absolute times are too long. Ratios suffer less: the arms take turns, and a ratio is taken within a turn.

${report.notes.length === 0 ? "Every peer was there." : report.notes.map((note) => `- ${note}`).join("\n")}

## Ratios and goals

${markdownTable(GOAL_HEAD, report.goals.map(goalRow))}

## Where Wasmlet loses

${missed.length === 0 ? "Every goal was met in this run." : missed.map(describeMiss).join("\n")}

## How it is measured

- **http-pristine**, **http-warm**: the Rust hello of \`examples/\` (51 KB) in one cell, with a pristine instance for each request
  (\`reuse: Request\`, the default) and with one kept (\`reuse: Instance\`), against a \`node:http\` server that writes the same
  body, \`wasmtime serve\` (\`-Scli\`, which Rust's library needs; with and without \`--max-instance-reuse-count=1000\`), workerd
  with a worker in JavaScript that answers the same, and \`jco serve\`. Four keep-alive connections; blocks of one arm follow
  blocks of the others. Latency is the client's and includes its own work, which is the same for all arms. CPU time is that
  of a server with all its children, over all cores; throughput per core is its reciprocal.
- **in-process pristine**: instantiate, handle, read the body, close; one request at a time, no HTTP. Wasmlet's engine in a
  Node.js process of its own, against \`bench/peers/wasmtime-embedding\`: \`ProxyPre\`, pooling allocator, one thread. Then the
  same with 1,000 instances live, each of which has answered one request.
- **new bytes**: core modules that the process has never seen until their first answer: compile, instantiate, handle (hello-rust)
  or run (tour-go, 2.9 MB, a Go command for preview 1). What Wasmlet prepares once for each artifact on a node is not in it;
  each sample has other bytes, so that no cache of V8 helps. wasmtime compiles the whole module, with all its threads.
- **density**: resident memory of a process with many live instances of hello-rust, after one request each, less that of the
  same process with one.
- **first request**: an app with \`scale.idleSeconds: 1\` is left alone until the runtime reports no instance and has dropped the
  compiled program; then one request (cold) and another (warm) on a connection that is open already. The runtime's own
  \`wasmlet_requests_total{start="cold"}\` has to confirm every cold one, else the run fails. V8 may still hold machine code
  that it compiled for the same bytes earlier, and the cell has loaded the engine before: this is waking an app, not the start
  of a cell or of a new artifact. workerd's new isolate is made by its experimental worker loader,
  and is measured in the same rounds over a connection that is open as well; its program is a line of JavaScript.
- **demo**: \`npm run demo -- --exit-when-ready\` until its table appears, npm's own start and every example's first answer
  included, with prepared artifacts in the cache. \`node -e 0\` shows what starting Node.js alone takes.
`;
}

function describeMachine({ machine, startedAt, seconds, quick }: Report): string {
  const load = machine.loadAverage.map((value) => value.toFixed(1)).join(" ");
  const effort = quick ? "a quick run" : "a full run";
  return `${startedAt.slice(0, 10)}, ${effort} of ${Math.round(seconds)} s: ${machine.cpus} CPUs (${machine.cpu}), ${machine.platform}, Node.js ${machine.node}, V8 ${machine.v8}, load average ${load} at its end.`;
}

function armRow(arm: ArmSummary): string[] {
  return [
    arm.scenario,
    arm.arm,
    String(arm.requests),
    formatMicros(arm.p50Micros),
    formatMicros(arm.p99Micros),
    formatMicros(arm.cpuMicrosPerRequest),
    formatSeconds(arm.wallSeconds),
    arm.loadAverage.toFixed(1),
  ];
}

function formatMicros(micros: number | null): string {
  return micros === null ? "" : formatSeconds(micros / 1e6);
}

function goalRow(goal: Goal): string[] {
  return [goal.name, formatBound(goal), formatValue(goal), formatSpread(goal), goal.met ? "yes" : "no"];
}

function formatValue({ value, unit }: Goal): string {
  return value === null ? "unknown" : `${Number(value.toPrecision(3))}${unit}`;
}

function formatSpread({ spread }: Goal): string {
  return spread === null ? "" : `${Number(spread.low.toPrecision(3))} to ${Number(spread.high.toPrecision(3))}`;
}

function describeMiss(goal: Goal): string {
  return `- ${goal.name}: ${formatValue(goal)}, and should be ${formatBound(goal)}.`;
}

function formatBound({ bound, goal, unit }: Goal): string {
  return `${bound} ${Number(goal.toPrecision(3))}${unit}`;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
