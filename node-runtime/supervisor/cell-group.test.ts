import { expect, test } from "vitest";
import type { CellApp, ToCell } from "../cell/protocol.ts";
import { CellGroup } from "./cell-group.ts";
import type { CellEvents, CellProcess } from "./cell-process.ts";

/** A group of one cell, which the test plays. */
function makeGroup(): { group: CellGroup; cell: { longestRequestMs: number }; events: CellEvents; sent: ToCell[] } {
  const sent: ToCell[] = [];
  const cell = {
    isReady: true,
    isAlive: true,
    longestRequestMs: 0,
    send: (message: ToCell) => void sent.push(message),
  };
  let events: CellEvents | undefined;
  const group = new CellGroup(1, {
    takeCell: (given) => {
      events = given;
      return cell as unknown as CellProcess;
    },
    logs: () => {},
    stats: () => {},
    died: () => {},
    replaced: () => {},
    changed: () => {},
  });
  return { group, cell, events: events!, sent };
}

test("cell group: an app's requests keep their time while it is taken out", async () => {
  const { group, cell, events, sent } = makeGroup();
  for (const [id, requestTimeoutMs] of [
    ["a/slow", 60_000],
    ["a/quick", 5000],
  ] as const) {
    const loaded = group.load({ id, revision: 1, requestTimeoutMs } as CellApp);
    events.message({ type: "loaded", id, revision: 1 });
    expect(await loaded).toBeUndefined();
  }
  const unloaded = group.unload("a/slow");
  expect(sent.at(-1)).toEqual({ type: "unload", id: "a/slow" });
  expect(cell.longestRequestMs).toBe(60_000);
  // Another app that comes or goes meanwhile changes nothing in that.
  void group.load({ id: "a/quick", revision: 2, requestTimeoutMs: 1000 } as CellApp);
  expect(cell.longestRequestMs).toBe(60_000);
  events.message({ type: "unloaded", id: "a/slow" });
  await unloaded;
  expect(cell.longestRequestMs).toBe(1000);
});
