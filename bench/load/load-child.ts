import { createInterface } from "node:readline";
import { LoadRun, type Load } from "./load-run.ts";

/** A process that generates load: a line of JSON in that says what load, a line of JSON out that says what came of it. */
for await (const line of createInterface({ input: process.stdin })) {
  const result = await new LoadRun(JSON.parse(line) as Load).run();
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
