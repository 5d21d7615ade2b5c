import fc from "fast-check";
import { expect, test } from "vitest";
import { createFakeTiming, type FakeTiming } from "../common/fake-timing.ts";
import { LeaderElection, type LeaderElectionOptions } from "./leader-election.ts";
import { LEASES } from "./resources.ts";
import { errorOf, SimulatedApi } from "./simulated-api.ts";

const LEASE = { namespace: "wasmlet-system", name: "operator" };

interface Candidate {
  election: LeaderElection;
  history: string[];
}

/** Returns a client as one process sees it: its way to the API server may be cut. */
function reach(api: SimulatedApi, isCut: () => boolean): LeaderElectionOptions["client"] {
  const through = async <R>(work: () => Promise<R>): Promise<R> => {
    if (isCut()) throw errorOf("KUBE_UNREACHABLE");
    return work();
  };
  return {
    get: (resource, ref) => through(() => api.get(resource, ref)),
    create: (resource, object) => through(() => api.create(resource, object)),
    replace: (resource, object) => through(() => api.replace(resource, object)),
  };
}

function candidate(
  identity: string,
  client: LeaderElectionOptions["client"],
  timing: FakeTiming,
  options: Partial<LeaderElectionOptions> = {},
): Candidate {
  const history: string[] = [];
  const election = new LeaderElection({
    client,
    lease: LEASE,
    identity,
    timing,
    onStarted: (signal) => {
      history.push(`started at ${timing.now()}`);
      signal.addEventListener("abort", () => history.push(`told at ${timing.now()}`));
    },
    onStopped: () => void history.push(`stopped at ${timing.now()}`),
    ...options,
  });
  return { election, history };
}

test("election: the first leads at once, the second when the first gives the lease away", async () => {
  const [api, timing] = [new SimulatedApi(), createFakeTiming()];
  const a = candidate("a", api, timing);
  const b = candidate("b", api, timing);
  a.election.start();
  await timing.advance(0);
  b.election.start();
  await timing.advance(60_000);
  expect([a.election.isLeader, b.election.isLeader, b.election.leader]).toEqual([true, false, "a"]);
  const stopped = a.election.stop();
  await timing.advance(0);
  await stopped;
  expect(a.history).toEqual(["started at 0", "told at 60000", "stopped at 60000"]);
  expect(api.objects(LEASES)[0]?.spec?.holderIdentity).toBe("");
  await timing.advance(4000);
  expect([a.election.isLeader, b.election.isLeader, b.election.transitions]).toEqual([false, true, 1]);
  expect(b.history).toHaveLength(1);
});

test("election: who waits is told once who leads, and again when that is another one", async () => {
  const [api, timing] = [new SimulatedApi(), createFakeTiming()];
  const followed: string[] = [];
  const onFollowing = (leader: string): void => void followed.push(leader);
  // It always comes too late.
  const late = { ...reach(api, () => false), replace: () => Promise.reject(errorOf("KUBE_CONFLICT")) };
  const [a, b, c] = [
    candidate("a", api, timing),
    candidate("b", api, timing),
    candidate("c", late, timing, { onFollowing }),
  ];
  a.election.start();
  await timing.advance(0);
  c.election.start();
  await timing.advance(60_000);
  expect(followed).toEqual(["a"]);
  const stopped = a.election.stop();
  b.election.start();
  await timing.advance(0);
  await stopped;
  await timing.advance(60_000);
  expect(followed).toEqual(["a", "b"]);
});

test("election: contract: a leader that vanished is followed when its lease has run out, not before", async () => {
  const [api, timing] = [new SimulatedApi(), createFakeTiming()];
  let isDead = false;
  const a = candidate(
    "a",
    reach(api, () => isDead),
    timing,
  );
  const b = candidate("b", api, timing);
  a.election.start();
  await timing.advance(0);
  b.election.start();
  await timing.advance(20_000);
  isDead = true;
  await timing.advance(13_000);
  expect([a.election.isLeader, b.election.isLeader]).toEqual([false, false]);
  expect(a.history[2]).toBe("stopped at 30000");
  await timing.advance(7000);
  expect(b.election.isLeader).toBe(true);
});

test("election: a leader that another one has replaced stops at once and tries again", async () => {
  const [api, timing] = [new SimulatedApi(), createFakeTiming()];
  const a = candidate("a", api, timing);
  a.election.start();
  await timing.advance(1000);
  const [lease] = api.objects(LEASES);
  await api.replace(LEASES, { ...lease!, spec: { ...lease!.spec, holderIdentity: "b", leaseDurationSeconds: 5 } });
  await timing.advance(2000);
  expect(a.history).toEqual(["started at 0", "told at 2000", "stopped at 2000"]);
  await timing.advance(10_000);
  expect(a.election.isLeader).toBe(true);
});

test("election: the lease is given away only after the work has ended, and not when that took too long", async () => {
  for (const [workMs, holder] of [
    [5000, ""],
    [20_000, "a"],
  ] as const) {
    const [api, timing] = [new SimulatedApi(), createFakeTiming()];
    const a = candidate("a", api, timing, { onStopped: () => timing.delay(workMs) });
    a.election.start();
    await timing.advance(100);
    const stopped = a.election.stop();
    await timing.advance(workMs - 100);
    expect(api.objects(LEASES)[0]?.spec?.holderIdentity).toBe("a");
    await timing.advance(200);
    await stopped;
    expect(api.objects(LEASES)[0]?.spec?.holderIdentity).toBe(holder);
    expect(timing.waiting).toBe(0);
  }
});

test("election: a leader whose timers did not get their turn knows by the clock that it leads no longer", async () => {
  const [api, timing] = [new SimulatedApi(), createFakeTiming()];
  let now = timing.now;
  const stalled = { ...timing, now: () => now() };
  const a = candidate("a", api, stalled);
  a.election.start();
  await timing.advance(0);
  expect(a.election.isLeader).toBe(true);
  now = () => 10_000;
  expect(a.election.isLeader).toBe(false);
});

test("election: times that let two lead are refused", () => {
  const timing = createFakeTiming();
  expect(() => candidate("a", new SimulatedApi(), timing, { renewDeadlineMs: 15_000 })).toThrow(RangeError);
});

test("election: contract: never do two lead, whatever the way to the API server does; one leads in the end", async () => {
  const step = fc.record({
    who: fc.nat(2),
    op: fc.constantFrom("cut", "mend", "fail", "advance", "advance"),
    ms: fc.nat(12_000),
  });
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const [api, timing] = [new SimulatedApi(), createFakeTiming()];
    const cut = [false, false, false];
    const all = cut.map(
      (_, n) =>
        candidate(
          `c${n}`,
          reach(api, () => cut[n]!),
          timing,
        ).election,
    );
    for (const election of all) election.start();
    const leaders = (): number => all.filter(({ isLeader }) => isLeader).length;
    const advance = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 500) {
        await timing.advance(500);
        expect(leaders()).toBeLessThanOrEqual(1);
      }
    };
    for (const { who, op, ms } of steps) {
      if (op === "cut") cut[who] = true;
      else if (op === "mend") cut[who] = false;
      else if (op === "fail") api.failNext(errorOf("KUBE_REFUSED"));
      else await advance(ms);
    }
    cut.fill(false);
    await advance(40_000);
    expect(leaders()).toBe(1);
  });
  await fc.assert(property, { numRuns: 40 });
});
