import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { createInterface } from "node:readline";
import { EPOCH_MEMORY } from "../node-runtime/engine/epoch.ts";
import { rewriteModule } from "../node-runtime/prepare/rewrite/rewrite.ts";
import { CHECK_LOOPS } from "./check-loops.ts";

/*
 * Runs the loops of check-loops.ts in a process of its own, as they are written and with epoch checks.
 *
 *   original NAME   calls the loop some times, as the module has it
 *   checked NAME    calls it as rewritten for the engine
 */

const CALLS = 5;

type Run = (argument: number) => unknown;
type Version = "original" | "checked";

const versions = new Map<string, Record<Version, Run>>();
for (const [name, { fields }] of Object.entries(CHECK_LOOPS)) versions.set(name, await makeVersions(fields));

async function makeVersions(fields: string): Promise<Record<Version, Run>> {
  const bytes = await parse(`(module ${fields})`);
  const rewritten = rewriteModule(bytes, { maxMemoryPages: 1, growth: "logical", pauses: true });
  if ("routed" in rewritten) throw new Error(`not rewritten: ${rewritten.routed}`);
  if (!rewritten.epoch) throw new Error(`no check was put into ${fields}`);
  const memory = rewritten.memory && new WebAssembly.Memory({ initial: 1, maximum: 1 });
  return {
    original: runOf(bytes, {}),
    checked: runOf(rewritten.bytes, { wasmlet: { epoch: EPOCH_MEMORY, ...(memory && { memory }) } }),
  };
}

function runOf(bytes: Uint8Array, imports: WebAssembly.Imports): Run {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
  return exports["run"] as Run;
}

function measure(run: Run, argument: number): object {
  const latenciesNanos: number[] = [];
  const cpu = process.cpuUsage();
  for (let call = 0; call < CALLS; call++) {
    const begin = process.hrtime.bigint();
    run(argument);
    latenciesNanos.push(Number(process.hrtime.bigint() - begin));
  }
  const { user, system } = process.cpuUsage(cpu);
  return { latenciesNanos, cpuNanos: (user + system) * 1000 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [version, name = ""] = line.split(/ (.*)/, 2);
  const run = versions.get(name)?.[version as Version];
  if (run === undefined) throw new Error(`expected original or checked and the name of a loop, got ${line}`);
  process.stdout.write(`${JSON.stringify(measure(run, CHECK_LOOPS[name]!.argument))}\n`);
}
