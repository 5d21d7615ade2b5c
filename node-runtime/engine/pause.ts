/**
 * What becomes of a guest whose epoch check found its word set (prepare/rewrite): it goes on, lets others have the thread
 * for a while, or traps. The cell decides; where nobody does, a guest traps.
 *
 * To wait, the guest is suspended in the middle of its computation, on the stack that `WebAssembly.promising` gave it.
 */

/** What the guest does next. */
export const GO_ON = 0;
export const PAUSE = 1;
export const TRAP = 2;

/** Decides for the guest that runs. */
export interface Pauses {
  /** Returns what it does. */
  decide(): typeof GO_ON | typeof PAUSE | typeof TRAP;
  /** It pauses: resolves when it may go on, or has to trap. */
  pause(): Promise<typeof GO_ON | typeof TRAP>;
}

const UNDECIDED: Pauses = { decide: () => TRAP, pause: () => Promise.resolve(TRAP) };

let pauses = UNDECIDED;

/** Has these decide from here on; one for the process, as one guest runs at a time. */
export function decidePauses(decider: Pauses = UNDECIDED): void {
  pauses = decider;
}

/**
 * The module of the function that a check calls:
 *
 *   (module
 *     (import "" "decide" (func $decide (result i32)))
 *     (import "" "pause" (func $pause (result i32)))
 *     (func (export "check") (local $next i32)
 *       (if (i32.eqz (local.tee $next (call $decide))) (then (return)))
 *       (if (i32.eq (local.get $next) (i32.const 1)) (then
 *         (if (i32.eqz (call $pause)) (then (return)))))
 *       (unreachable)))
 *
 * The guest reaches JavaScript through it only: to call what may suspend traps where a guest cannot be suspended, and its
 * own exception handlers catch what JavaScript throws, but no trap.
 */
const CHECK_MODULE = Buffer.from(
  [
    "0061736d01000000",
    "0108 02 600000 6000017f", // types: [] -> [], [] -> [i32]
    "0214 02 00 06646563696465 0001 00 057061757365 0001", // imports: decide, pause
    "0302 01 00",
    "0709 01 05636865636b 00 02", // export: check
    "0a1f 01 1d 01 01 7f",
    "1000 22 00 45 0440 0f 0b",
    "2000 4101 46 0440 1001 45 0440 0f 0b 0b",
    "00 0b",
  ]
    .join("")
    .replaceAll(" ", ""),
  "hex",
);

/** The function that rewritten modules get for their checks. */
export const CHECK = new WebAssembly.Instance(new WebAssembly.Module(CHECK_MODULE), {
  "": {
    decide: () => pauses.decide(),
    pause: new WebAssembly.Suspending(() => pauses.pause()),
  },
}).exports["check"];
