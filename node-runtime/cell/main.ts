import { flushCompileCache } from "node:module";
import { BEATS } from "./beat.ts";
import { Cell } from "./cell.ts";
import { readToCell, type FromCell } from "./protocol.ts";
import { startWatchdog } from "./watchdog.ts";

/** Entry point of a cell process: messages in, messages out. It ends when the supervisor is gone. */
const send = (message: FromCell): void => {
  if (process.connected) process.send!(message, undefined, undefined, () => {});
};

const cell = new Cell(send, startWatchdog({ beats: process.argv.includes(BEATS) }));
// The one thread that a cell starts. `permission` is missing where nothing is refused: in a cell that a test starts.
process.permission?.drop("worker");
process.on("message", (raw) => {
  const message = readToCell(raw);
  if (message !== undefined) void cell.receive(message);
});
process.on("disconnect", () => process.exit(0));
// The supervisor drains; a Ctrl-C or a closed terminal, which reach the whole process group, must not cut requests.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
send({ type: "ready" });
// A cell ends by SIGKILL, which would lose what it compiled.
flushCompileCache();
