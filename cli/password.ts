import { Writable } from "node:stream";
import { createInterface } from "node:readline";

/**
 * Asks for a password on the terminal, without showing what is typed. Ctrl-C ends the process as it does elsewhere; Ctrl-D
 * is an empty password.
 */
export async function askPassword(who: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  lines.once("line", resolve);
  lines.once("close", () => resolve(""));
  lines.once("SIGINT", () => resolve(undefined));
  // Only now: what is typed before the terminal is told not to show it is shown.
  process.stderr.write(`password for ${who}: `);
  const password = await promise;
  lines.close();
  process.stderr.write("\n");
  // With the terminal as it was, and by the signal itself, so that a shell knows.
  if (password === undefined) process.kill(process.pid, "SIGINT");
  return password ?? "";
}
