import { mkdirSync, renameSync, rmdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { NAMES, takeSpecial } from "./path-arena.ts";
import { Random } from "./random.ts";

/*
 * Changes the root under the guests' feet, as somebody on the node could: in a process of its own. Paths have one name
 * below the root or the attic, which no link of a guest's can lead elsewhere: what is changed outside is the guests' doing.
 */

/** What the racer is told: where to begin, or to stop, which it answers. */
export type RacerOrder = { arena: string; seed: number } | "stop";

const TURNS = 50;

const TARGETS = [
  "../canary",
  "../canary/secret",
  "../canary/folder",
  "..",
  "../attic",
  "../attic/bait",
  "/proc/self/root",
  "/proc/self/cwd",
  "/etc/passwd",
  "/dev/zero",
  "a",
  "b/c",
  "../root/c",
  ".",
];

let isRacing = false;

function race(arena: string, random: Random): void {
  if (!isRacing) return void process.send!("stopped");
  for (let turn = 0; turn < TURNS; turn++) change(arena, random);
  setImmediate(() => race(arena, random));
}

function change(arena: string, random: Random): void {
  const [one, other] = [join(arena, "root", random.pick(NAMES)), join(arena, "root", random.pick(NAMES))];
  const away = join(arena, "attic", random.pick(NAMES));
  const target = random.below(4) === 0 ? join(arena, "canary") : random.pick(TARGETS);
  try {
    CHANGES[random.below(CHANGES.length)]!({ arena, one, other, away, target });
  } catch {
    // It was not what it was taken for: others are at work too.
  }
}

interface Change {
  arena: string;
  one: string;
  other: string;
  away: string;
  target: string;
}

const CHANGES: readonly ((change: Change) => void)[] = [
  ({ one, other }) => renameSync(one, other),
  ({ one, away }) => renameSync(one, away),
  ({ other, away }) => renameSync(away, other),
  ({ one, away, target }) => {
    renameSync(one, away);
    symlinkSync(target, one);
  },
  ({ one, away }) => {
    unlinkSync(one);
    renameSync(away, one);
  },
  ({ one, target }) => symlinkSync(target, one),
  ({ one }) => unlinkSync(one),
  ({ one }) => rmdirSync(one),
  ({ one }) => mkdirSync(one),
  ({ one, away }) => {
    writeFileSync(away, "inside", { flag: "wx" });
    renameSync(away, one);
  },
  ({ arena, one }) => takeSpecial(arena, one),
  ({ arena, one }) => {
    unlinkSync(one);
    takeSpecial(arena, one);
  },
];

process.on("message", (order: RacerOrder) => {
  isRacing = order !== "stop";
  if (order === "stop") return;
  // A socket stands where guests may come across it, until it is moved or removed.
  const server = createServer().once("error", () => {});
  server.listen(join(order.arena, "root", "e"), () => server.close());
  race(order.arena, new Random(order.seed));
});
process.once("disconnect", () => process.exit());
