import fc from "fast-check"; import { arbitraryManifest, arbitraryBrokenManifest } from "./wasm-app/arbitrary.ts"; import { readWasmApp, defaultWasmApp } from "./validate.ts"; import { writeFileSync } from "node:fs";
const seed = Number(process.argv[2] ?? 1), n = Number(process.argv[3] ?? 2000);
const objs = [...fc.sample(arbitraryManifest(), {numRuns: n, seed}), ...fc.sample(arbitraryBrokenManifest(), {numRuns: n, seed})];
let ok = 0; for (const [i,o] of objs.entries()) { if (readWasmApp(o).app) ok++; if (i === n-1) console.error("valid of plain", ok, n) } console.error("valid", ok, objs.length);
writeFileSync("/tmp/objs.jsonl", objs.map(o => JSON.stringify(o)).join("\n") + "\n");
writeFileSync("/tmp/ours.jsonl", objs.map(o => { const r = readWasmApp(o); return JSON.stringify({ problems: r.problems.map(p => p.path.join(".") + ": " + p.message), object: defaultWasmApp(o)})}).join("\n") + "\n");
const hist: Record<string, number> = {}; for (const o of objs) for (const p of readWasmApp(o).problems) { const k = p.code + (p.code==="MANIFEST_RULE"? p.path.filter(x=>typeof x==="string").join(".") : ""); hist[k] = (hist[k] ?? 0) + 1; } console.error(hist);
