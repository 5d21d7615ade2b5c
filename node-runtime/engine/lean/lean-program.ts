import type { WasiHost } from "../../wasi/host.ts";
import type { Program } from "../engine.ts";
import { startTrapped } from "../trap.ts";
import { WrittenPages } from "../write-marks.ts";
import type { BoundComponent } from "./bound-component.ts";
import { CodeChoice, type Code } from "./code-choice.ts";
import { DORMITORY, type Dormant } from "./dormant.ts";
import { GuestState } from "./guest-state.ts";
import { LeanInstance } from "./lean-instance.ts";
import { Stopwatch } from "./stopwatch.ts";

/** Used instances that a program keeps: as many as usually run at the same time. */
const MAX_USED = 32;

/** A component as one app runs it: its instances that were used wait here, and never pass to another app. */
export class LeanProgram implements Program, Dormant {
  readonly component: BoundComponent;
  /** Instances that were used and wait to be made pristine. */
  readonly #used: LeanInstance[] = [];
  /** Scaled to zero: it holds one of them at most, and only while there is room for it. */
  #isDormant = false;
  readonly #choice: CodeChoice;

  /** Without `tracksWrites`, instances never mark what they write. */
  constructor(component: BoundComponent, tracksWrites: boolean) {
    this.component = component;
    this.#choice = new CodeChoice(component.code(tracksWrites), tracksWrites ? () => component.code(false) : undefined);
  }

  /** What new instances are made of. */
  get code(): Code {
    return this.#choice.code;
  }

  instantiate(host: WasiHost): LeanInstance {
    if (this.#isDormant) this.#wake();
    const stopwatch = this.#choice.begin() ? new Stopwatch() : undefined;
    const used = this.#used.pop();
    if (used?.renew(host, stopwatch) === true) return used;
    const { component } = this;
    try {
      const written = this.code.tracksWrites ? new WrittenPages() : undefined;
      const instance = new LeanInstance(this, new GuestState(host, written, stopwatch));
      component.isResettable &&= instance.capture(component.images);
      if (component.isResettable) component.images ??= instance.images;
      return instance;
    } catch (thrown) {
      throw startTrapped(thrown);
    }
  }

  /** Takes an instance back that is not used any more. */
  keep(instance: LeanInstance): void {
    if (this.#isDormant || !this.component.isResettable || instance.tracksWrites !== this.code.tracksWrites) return;
    if (this.#used.length < MAX_USED) this.#used.push(instance);
  }

  /** Takes into account how long an instance ran for its request. */
  noteCall(milliseconds: number, memoryBytes: () => number): void {
    if (this.#choice.note(milliseconds, memoryBytes)) this.#used.length = 0;
  }

  trim(): void {
    this.#used.splice(1);
    WrittenPages.leave();
    this.#isDormant = true;
    DORMITORY.add(this);
  }

  close(): void {
    this.forget();
    this.#isDormant = true; // nothing is given back any more
    DORMITORY.delete(this);
  }

  standbyBytes(): number {
    return this.#used.reduce((sum, instance) => sum + instance.memoryBytes(), 0);
  }

  get dormantBytes(): number {
    return this.standbyBytes();
  }

  forget(): void {
    this.#used.length = 0;
    WrittenPages.leave();
  }

  #wake(): void {
    this.#isDormant = false;
    DORMITORY.delete(this);
  }
}
