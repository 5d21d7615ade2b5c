import type { GuestText } from "./guest-text.ts";

/** What a kind's client has to work with. */
export interface Target {
  /** Base URL of the hostile app. */
  url: string;
  /** Ports of peers on loopback: `peers.ts`. */
  peers: Readonly<Record<"silent" | "endless" | "headless", number>>;
}

/** One way to be hostile, and what must come of it. */
export interface HostileKind {
  /** Kebab case; the app's name as well. */
  name: string;
  /** What it tries, as a clause. */
  tries: string;
  /** Its guest: text to build, or the name of a guest of the tests. */
  guest: GuestText | { file: string } | { component: string };
  /** What its manifest says beside its request timeout: see `deadlineSecondsOf`. */
  spec?: Record<string, unknown>;
  /** What the client does, and how it tells what came of it; one GET unless given. */
  attack?: (target: Target) => Promise<string>;
  /** What must come of it: `504 GUEST_TIMEOUT`, a status with the body's text, or `cut`. */
  expected: string | RegExp;
  /** It leaves the thread to others: a test may let it loose with others of which that is true. */
  waits?: true;
  /** The limit that must be counted in `wasmlet_limit_hits_total`. */
  limit?: string;
  /** A counter of the app's that must grow as well. */
  counter?: string;
  /** Why it is not contained today: the expectations then say what happens instead. */
  gap?: Gap;
}

/** What a kind does today that it must not. */
export interface Gap {
  why: string;
  /** It takes its cell with it, which is its own. */
  costsCell?: true;
}

/** A path of the probe, the guest of the tests that does as it is told. */
export const PROBE = { file: "probe" } as const;

/** What a guest that is stopped at its deadline is answered with, and counted as. */
export const STOPPED = { expected: "504 GUEST_TIMEOUT", limit: "request_timeout" } as const;

/** How long a request may take: a second where that is what ends the kind, and else more than a busy machine takes. */
export function deadlineSecondsOf({ expected, limit, gap }: HostileKind): number {
  const isEnded = limit !== undefined || gap?.costsCell === true || /504|cut/.test(String(expected));
  return isEnded ? 1 : 30;
}
