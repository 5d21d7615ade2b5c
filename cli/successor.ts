import { describeError } from "./output.ts";
import type { HeldPorts, SucceedingRuntime } from "../node-runtime/runtime-api.ts";
import { readToSuccessor, type FromSuccessor, type ToSuccessor } from "./succession-protocol.ts";
import type { StopSignal } from "./signals.ts";

const SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/** What has a runtime end. */
export type Ending = { kind: "signal"; signal: StopSignal } | { kind: "replaced" };

/** The side of the process that takes a runtime's place. */
export class Successor {
  #isAsked = false;
  readonly #inherited = Promise.withResolvers<HeldPorts>();
  readonly #ending = Promise.withResolvers<Ending>();
  #runtime: SucceedingRuntime | undefined;

  constructor() {
    // A Ctrl-C reaches the whole process group: the parent says what it means, and what a second one means.
    for (const signal of SIGNALS) process.on(signal, () => {});
    process.on("disconnect", this.#onAbandoned);
    process.on("message", (raw) => {
      const message = readToSuccessor(raw);
      if (message !== undefined) this.#receive(message);
    });
  }

  /** Resolves to the ports that it is to serve on. */
  get inherited(): Promise<HeldPorts> {
    return this.#inherited.promise;
  }

  /** Resolves when the runtime is to end. */
  get ending(): Promise<Ending> {
    return this.#ending.promise;
  }

  /** Says that the runtime serves, once it does, or that it will not. */
  async announce(runtime: SucceedingRuntime): Promise<void> {
    this.#runtime = runtime;
    await runtime.untilServing().then(
      () => this.#send({ type: "ready" }),
      (thrown: unknown) => this.fail(thrown),
    );
  }

  /** Says why there will be no runtime. */
  fail(thrown: unknown): void {
    this.#send({ type: "failed", message: describeError(thrown).slice(0, 8192) });
  }

  /** The runtime has ended, and the process may. */
  close(): void {
    process.off("disconnect", this.#onAbandoned);
    process.disconnect?.();
  }

  /** The cells end with the process, as they do whatever ends it. */
  readonly #onAbandoned = (): void => process.exit(1);

  #receive(message: ToSuccessor): void {
    const runtime = this.#runtime;
    switch (message.type) {
      case "inherit":
        return this.#inherited.resolve(message.ports);
      case "take-over":
        return void runtime?.claimPorts();
      case "alone":
        return runtime?.startCommands();
      case "tell-ports":
        return runtime && this.#send({ type: "ports", ports: runtime.heldPorts() });
      case "step-down":
        runtime?.releasePorts();
        this.#send({ type: "released" });
        return this.#ending.resolve({ kind: "replaced" });
      case "stop":
        return this.#stop(message.signal);
    }
  }

  #stop(signal: StopSignal): void {
    if (this.#isAsked) process.exit(1);
    this.#isAsked = true;
    this.#ending.resolve({ kind: "signal", signal });
  }

  #send(message: FromSuccessor): void {
    if (process.connected) process.send!(message, undefined, undefined, () => {});
  }
}
