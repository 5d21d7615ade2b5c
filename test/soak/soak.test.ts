import { expect, test } from "vitest";
import { Account, type Failure } from "./account.ts";
import type { KilledCell } from "./killed-cell.ts";
import { compareHoldings } from "./leftovers.ts";
import { readOptions } from "./options.ts";
import { Random } from "./random.ts";
import { findProblems, soak } from "./soak.ts";
import { parseTcp } from "./tcp-table.ts";

const SEED = 8;
const MINUTES = 1;
/** A minute, and what comes before and after it on a machine that is busy. */
const TIMEOUT_MS = 300_000;

test(
  "contract: no request is lost and nothing left behind while cells and preparers are killed and apps come, change and go",
  async () => {
    const result = await soak({ minutes: MINUTES, seed: SEED }, () => {});
    expect(findProblems(result)).toEqual([]);
    expect(result.account).toMatchObject({ lost: 0, unexpected: [] });
    // What it is to show was done at all.
    expect(result.account.answered["2xx"]).toBeGreaterThan(0);
    const { cellsKilled, preparersKilled, appsAdded, appsRemoved, artifactsChanged } = result.deeds;
    for (const deeds of [cellsKilled, preparersKilled, appsAdded, appsRemoved, artifactsChanged]) {
      expect(deeds).toBeGreaterThan(0);
    }
  },
  TIMEOUT_MS,
);

const CELL: KilledCell = {
  pid: 1,
  stoppedMs: 1000,
  goneMs: 1010,
  accepted: new Set([4001]),
  queued: new Set([4002]),
};

function accountOf(failure: Partial<Failure>): ReturnType<Account["close"]> {
  const account = new Account();
  account.sent = 1;
  account.killed(CELL);
  account.fail({ app: "a", localPort: 4001, beganMs: 900, failedMs: 1005, why: "ECONNRESET", ...failure });
  return account.close();
}

test.each<[string, Partial<Failure>, object]>([
  ["a connection that the killed cell had accepted", {}, { failedInKilledCell: 1 }],
  ["one that no cell had accepted yet", { localPort: 4002 }, { failedInItsQueue: 1 }],
  ["one that was begun while the cell was stopped", { localPort: 4003, beganMs: 1005 }, { failedInItsQueue: 1 }],
  ["one that had no port yet", { localPort: 0, beganMs: 990 }, { failedInItsQueue: 1 }],
  ["a connection to another cell", { localPort: 4003 }, { lost: 1 }],
  ["one that failed before", { failedMs: 999 }, { lost: 1 }],
  ["one that was begun afterwards", { beganMs: 1011, failedMs: 1020 }, { lost: 1 }],
  ["one that failed long afterwards", { failedMs: 9000 }, { lost: 1 }],
])("account: %s", (_what, failure, expected) => {
  expect(accountOf(failure)).toMatchObject({ failedInKilledCell: 0, failedInItsQueue: 0, lost: 0, ...expected });
});

test("account: a request of which nothing came is lost, and an answer that no app gives is told", () => {
  const account = new Account();
  account.sent = 2;
  account.answer("a", 500, [200], "RUNTIME_CELL_LOST");
  expect(account.close()).toMatchObject({
    answered: { "5xx": 1 },
    lost: 1,
    unexpected: ["a: 500 RUNTIME_CELL_LOST"],
  });
});

test("leftovers: descriptors and processes are to be as many as before, memory may differ a little", () => {
  const before = { descriptors: 30, residentBytes: 100_000_000, cells: 4, preparers: 0 };
  expect(compareHoldings(before, { ...before, residentBytes: 110_000_000 })).toEqual([]);
  expect(compareHoldings(before, { ...before, residentBytes: 300_000_000 })).toHaveLength(1);
  expect(compareHoldings(before, { ...before, descriptors: 31, cells: 5 })).toHaveLength(2);
});

test("tcp table: ports are hexadecimal, and a connection that nobody accepted has no inode", () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
`;
  expect(parseTcp(text)).toEqual([
    { localPort: 8080, remotePort: 0, state: "listening", inode: 77 },
    { localPort: 8080, remotePort: 40_000, state: "other", inode: 0 },
  ]);
});

test("random: the same seed gives the same numbers, from 0 up to what was asked for", () => {
  const [one, other] = [new Random(7), new Random(7)];
  for (let index = 0; index < 1000; index++) {
    const value = one.below(5);
    expect(value).toBe(other.below(5));
    expect([0, 1, 2, 3, 4]).toContain(value);
  }
});

test.each([[["--minutes", "0"]], [["--minutes", "long"]], [["--seed", "-1"]], [["-o", "yaml"]], [["more"]]])(
  "options: %j is a usage error",
  (args) => {
    expect(() => readOptions(args)).toThrow(expect.objectContaining({ code: "CLI_USAGE" }));
  },
);

test("options: a minute by default", () => {
  expect(readOptions(["--seed", "3"])).toMatchObject({ minutes: 1, seed: 3, output: "text" });
});
