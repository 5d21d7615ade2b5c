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
npm run bench:peers                              # once: workerd, and the Rust embedding of wasmtime
npm run test:tools                               # once: oras and crane, for pulls
\`\`\`

wasmtime itself is taken from \`PATH\`, or from where the environment variable \`WASMTIME\` says: \`cargo install
wasmtime-cli@48.0.8 --locked\`.

## This run

${describeMachine(report)}

${markdownTable(ARM_HEAD, report.arms.map(armRow))}

"CPU/request" is the serving process's with all its threads and children, the client's not included; for \`demo\` it is that of
all processes of one start. "load" is the median of the machine's one-minute load average: above the number of CPUs, other
programs took part of the time, and absolute times are too long. Ratios suffer less: the arms take turns, and a ratio is
taken within a turn.

${report.notes.length === 0 ? "Every peer was there." : report.notes.map((note) => `- ${note}`).join("\n")}

## Ratios and goals

What is measured is the median over rounds where the middle half of them is given, and else a number of the whole run.

${markdownTable(GOAL_HEAD, report.goals.map(goalRow))}

## Where Wasmlet loses

${missed.length === 0 ? "Every goal was met in this run." : missed.map(describeMiss).join("\n")}

## How it is measured

- **http-pristine**, **http-warm**: hellos of \`examples/\` in one cell, with a pristine instance for each request
  (\`reuse: Request\`, the default) and with one kept (\`reuse: Instance\`), against \`wasmtime serve\` (\`-Scli\`, which Rust's
  library needs; with and without \`--max-instance-reuse-count=1000\`), workerd with a worker in JavaScript that answers the
  same, and \`jco serve\`, all with the Rust guest (51 KB, 1.1 MB of memory). hello-c has 128 KB of memory: what a pristine
  request costs depends on it. Each guest has a \`node:http\` server beside it that writes the same answer, byte for byte but
  for the date. Blocks of one arm follow blocks of the others, equally long, over 32 keep-alive connections, so that no server
  waits for its client; latency is for the most part waiting in line, and is not judged. Throughput per core is the reciprocal
  of CPU time.
- **in-process pristine**: instantiate, handle, read the body, close; one request at a time, no HTTP. Wasmlet's engine in a
  Node.js process of its own, against \`bench/peers/wasmtime-embedding\`: \`ProxyPre\`, pooling allocator, one thread. Then the
  same beside 1,000 live apps (wasmtime: instances), each of which has answered one request.
- **new bytes**: core modules that the process has never seen until their first answer: compile, instantiate, handle (hello-rust)
  or run (tour-go, 2.9 MB, a Go command for preview 1). What Wasmlet prepares once for each artifact on a node is not in it;
  each sample has other bytes, so that no cache of V8 helps. wasmtime compiles the whole module, with all its threads.
- **density**: apps of hello-rust in one process, more and more of them, each with a program and an instance of its own that
  has answered one request. The artifact was prepared once, and V8 shares the code of equal modules. It ends with 14,500,
  with one that is refused, or when time is up; the notes say which. Memory is what the process has resident, less what it had
  with one app, garbage included.
- **first request**: five apps of each guest with \`scale.idleSeconds: 1\` are left alone until the runtime reports no live
  instance. What stays of each is its compiled program and, within 256 MiB for a cell, one instance that was used, still as
  its last request left it. Then they are woken one after another: one request (cold) and another (warm) on connections
  that are open already. The runtime's own \`wasmlet_requests_total{start="cold"}\` has to confirm every cold one,
  else nothing is reported. V8 may still hold machine code that it compiled for the same bytes earlier, and the cell has loaded
  the engine before: this is waking an app, not the start of a cell or of a new artifact. workerd's new isolate is made by
  its experimental worker loader, in turns with them and over an open connection as well; its program is a line of JavaScript.
- **runaway**: an app with \`limits.requestTimeoutSeconds: 1\` loops for ever, while four connections send one request after
  another to a neighbour in the same cell. Measured is, at the client, how long after that second the answer 504 has come,
  and which of the neighbour's requests were not answered with 200; those under way wait as long as the loop has the thread.
- **overload**: pictures of \`examples/image-rust\` by \`wasmlet serve\` with one cell. The peak is what 16 connections get that
  send one request after another. Then five times as many come in a second, at random times, each whatever became of those before
  (an open loop), over up to 6,000 connections; the first two seconds do not count. A good answer is a 200 within a second of
  the time at which its request was due; clients give up after that, and close their connection. \`late\` are those; \`cut\` lost
  their connection; \`unsent\` found no connection free. Refusing takes CPU time too: where an answer costs little, four
  refusals for each take much of what a core has. The client is a process of its own on the same machine, and takes its share.
- **fairness**: an app of hello-rust that is asked 60 times a second, an open loop as well, alone and beside a flooded app, in
  turns. It shares a cell with the flooded app, and then does not: what is left then is what the machine's processors, which
  the flood and its client keep busy, cost it.
- **last-resort**: the only cell of two apps is killed again and again with SIGKILL, while four connections ask the one and a
  spare stands by. Measured is, at the client, how long after the kill the other one answers on a new connection.
- **epoch checks**: loops that do little else, as they are and rewritten with the checks that stop a runaway, in turns in one
  process and by CPU time. The loop that is lengthened most counts; the notes have all of them.
- **demo**: \`npm run demo -- --exit-when-ready\` until its table appears, npm's own start and every example's first answer
  included, with prepared artifacts in the cache. \`node -e 0\` shows what starting Node.js alone takes.
- **pull**: an artifact of 100 MB out of Debian's docker-registry on this machine, into an empty folder. Wasmlet pulls in a process
  that is there, as on a node, verifies every byte and brings it to the disk before it is done; \`oras pull\` and \`crane
  pull\` (into an OCI layout) are started for each pull, which takes 5 ms of theirs, and leave it to the system when to write.
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
  return value === null ? "not measured" : formatNumber(value, unit);
}

function formatSpread({ spread, unit }: Goal): string {
  return spread === null ? "" : `${formatNumber(spread.low, unit)} to ${formatNumber(spread.high, unit)}`;
}

function describeMiss(goal: Goal): string {
  return `- ${goal.name}: ${formatValue(goal)}, and should be ${formatBound(goal)}.`;
}

function formatBound({ bound, goal, unit }: Goal): string {
  return `${bound} ${formatNumber(goal, unit)}`;
}

/** Ratios with three digits that count, numbers of things with all. */
function formatNumber(value: number, unit: Goal["unit"]): string {
  if (unit === "s") return formatSeconds(value);
  return unit === "" ? String(value) : `${Number(value.toPrecision(3))}${unit}`;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
