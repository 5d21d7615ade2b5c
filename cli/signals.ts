import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** A signal that asks the process to stop. */
export type StopSignal = (typeof SIGNALS)[number];

/** The signals that ask to stop, as they come. */
export interface StopSignals {
  /** Resolves at the first one; a second one ends the process at once. */
  readonly first: Promise<StopSignal>;
  /** Aborted at the first one. */
  readonly aborted: AbortSignal;
}

/** What signals come from: `process`, unless a test says otherwise. */
interface SignalSource {
  on(signal: StopSignal | "SIGHUP", listener: (signal: StopSignal) => void): unknown;
  exit(code: number): unknown;
}

/** Returns the exit code of a process that a signal ended, as shells write it: 130 for SIGINT, 143 for SIGTERM. */
export function exitCodeOfSignal(signal: StopSignal): number {
  return 128 + constants.signals[signal];
}

/** Listens for SIGINT and SIGTERM from now on. */
export function listenForStop(source: SignalSource = process): StopSignals {
  const controller = new AbortController();
  const first = Promise.withResolvers<StopSignal>();
  const stop = (signal: StopSignal): void => {
    if (controller.signal.aborted) source.exit(exitCodeOfSignal(signal));
    first.resolve(signal);
    controller.abort();
  };
  for (const signal of SIGNALS) source.on(signal, stop);
  return { first: first.promise, aborted: controller.signal };
}

/** Listens for SIGHUP from now on; returns what has it handled, one that came before included. */
export function listenForHangUp(source: Pick<SignalSource, "on"> = process): (handle: () => void) => void {
  let hasCome = false;
  let onHangUp = (): void => void (hasCome = true);
  source.on("SIGHUP", () => onHangUp());
  return (handle) => {
    onHangUp = handle;
    if (hasCome) handle();
  };
}
