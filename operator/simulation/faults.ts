import type { Random } from "./random.ts";

/** How often what goes wrong, each as a chance from 0 to 1. */
export interface Faults {
  /** A write is refused with a conflict or an error, and not carried out. */
  refusedWrite: number;
  /** The answer to a write gets lost; it may have been carried out. */
  lostAnswer: number;
  /** A write takes seconds. */
  slowWrite: number;
  /** The process ends right after a write was carried out, or right before. */
  crash: number;
  /** Events come seconds late. */
  slowEvent: number;
  /** An old event comes once more. */
  repeatedEvent: number;
  /** A watch breaks: it goes on from the last version, or its past is gone and a list is needed. */
  brokenWatch: number;
  /** A pod's status write takes seconds. */
  slowStatus: number;
  /** An app does not start at once: its program cannot be had. */
  failedStart: number;
  /** Two processes lead at once for a moment when the lead moves. */
  overlap: number;
}

/** What a run does without anybody's help. */
export const NO_FAULTS: Faults = {
  refusedWrite: 0,
  lostAnswer: 0,
  slowWrite: 0,
  crash: 0,
  slowEvent: 0,
  repeatedEvent: 0,
  brokenWatch: 0,
  slowStatus: 0,
  failedStart: 0,
  overlap: 0,
};

export const WRITE_FAULTS = ["crash-before-write", "crash-after-write", "refuse-write", "lose-answer"] as const;
export const EVENT_FAULTS = ["lose-event", "repeat-event", "delay-event"] as const;

/** One fault at one place, for going through all places in turn. */
export interface PlantedFault {
  kind: (typeof WRITE_FAULTS)[number] | (typeof EVENT_FAULTS)[number];
  /** Of the operator's writes, or of the events that it gets, counted from 0. */
  index: number;
}

const SELDOM = 0.02;
const OFTEN = 0.15;

/** Returns how often what goes wrong in the run of a seed; in some nothing does. */
export function faultsOf(random: Random): Faults {
  const rate = (): number => (random.chance(0.5) ? 0 : random.chance(0.7) ? SELDOM : OFTEN);
  if (random.chance(0.1)) return NO_FAULTS;
  return {
    refusedWrite: rate(),
    lostAnswer: rate(),
    slowWrite: rate(),
    crash: rate() / 2,
    slowEvent: rate(),
    repeatedEvent: rate(),
    brokenWatch: rate() / 2,
    slowStatus: rate(),
    failedStart: rate(),
    overlap: random.chance(0.3) ? 0.5 : 0,
  };
}
