import { Writable } from "node:stream";
import { createInterface } from "node:readline/promises";

/** Asks for a password on the terminal, without showing what is typed. */
export async function askPassword(who: string): Promise<string> {
  process.stderr.write(`password for ${who}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await lines.question("");
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
