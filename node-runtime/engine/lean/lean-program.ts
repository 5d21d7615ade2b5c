import type { BindingPlan } from "../../artifacts/binding-plan.ts";
import type { WasiHost } from "../../wasi/host.ts";
import { WAITING_EXPORTS, WAITING_FUNCTIONS } from "../../wasi/offered.ts";
import type { Program } from "../engine.ts";
import { startTrapped } from "../trap.ts";
import { WrittenPages } from "../write-marks.ts";
import { CodeChoice, type Code } from "./code-choice.ts";
import { makeExportCall, type ExportCall } from "./export-call.ts";
import type { GuestMemory } from "./guest-memory.ts";
import { GuestState } from "./guest-state.ts";
import { hostFunction } from "./host-function.ts";
import { makeImportCall, type ImportCall } from "./import-call.ts";
import type { MemoryImage } from "../instance-state.ts";
import { DORMITORY, type Dormant } from "./dormant.ts";
import { Layouts } from "./layout.ts";
import { LeanInstance } from "./lean-instance.ts";
import { MemoryCodec } from "./memory-codec.ts";
import { unversioned } from "./names.ts";
import type { CoreValue } from "./scalars.ts";
import { Stopwatch } from "./stopwatch.ts";

/** Used instances that a program keeps: as many as usually run at the same time. */
const MAX_USED = 32;

const WAITING: ReadonlySet<string> = new Set(WAITING_FUNCTIONS);

type PlannedFunction = BindingPlan["functions"][number];
type PlannedExport = BindingPlan["exports"][number];

/** An export with all that its calls share over all instances. */
export interface ProgramExport {
  planned: PlannedExport;
  /** True when the guest may be suspended within it, so that it must run as a promise. */
  mayWait: boolean;
  call: ExportCall;
}

/** A plan with its compiled modules: what the instances of one component share. */
export class LeanProgram implements Program, Dormant {
  readonly plan: BindingPlan;
  readonly exports: readonly ProgramExport[];
  /** Where `exports` has `wasi:http/incoming-handler.handle` and `wasi:cli/run.run`; -1 without it. */
  readonly handler: number;
  readonly command: number;
  /** Memories that core instances export, by step and name. */
  readonly memories: readonly { step: number; name: string }[];
  /** What the memories of a pristine instance hold, once one was captured. */
  #images: readonly (MemoryImage | undefined)[] | undefined;
  #isResettable: boolean;
  /** Instances that were used and wait to be made pristine. */
  readonly #used: LeanInstance[] = [];
  readonly #choice: CodeChoice;
  /** Scaled to zero: it holds one of them at most, and only while there is room for it. */
  #isDormant = false;
  readonly #codec: MemoryCodec;
  readonly #calls: (ImportCall | undefined)[] = [];
  readonly #waits: readonly boolean[];

  /** `plain` loads the code without marks of writes, where `code` has them. */
  constructor(plan: BindingPlan, code: Code, plain?: () => Code) {
    this.plan = plan;
    this.#choice = new CodeChoice(code, plain);
    const { modules } = code;
    this.#isResettable = plan.steps.every(
      (step) => step.kind === "call" || modules[step.module]?.rewriting?.resettable === true,
    );
    this.#codec = new MemoryCodec(plan.types, new Layouts(plan.types));
    this.#waits = plan.functions.map(
      (entry) => entry.kind === "lower" && WAITING.has(`${entry.interface}#${entry.name}`),
    );
    const waits = this.#waits.includes(true);
    this.exports = plan.exports.map((planned) => ({
      planned,
      mayWait: waits && WAITING_EXPORTS.includes(`${unversioned(planned.interface)}#${planned.name}`),
      call: makeExportCall(this.#codec, planned.type),
    }));
    this.handler = this.indexOf("wasi:http/incoming-handler", "handle");
    this.command = this.indexOf("wasi:cli/run", "run");
    this.memories = plan.steps.flatMap((step, index) =>
      step.kind === "instantiate" ? memoriesOf(modules[step.module]!.module, index) : [],
    );
  }

  /** Returns where `exports` has this function of an unversioned interface; -1 without it. */
  indexOf(interfaceName: string, name: string): number {
    return this.plan.exports.findIndex(
      (planned) => unversioned(planned.interface) === interfaceName && planned.name === name,
    );
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
    try {
      const written = this.code.tracksWrites ? new WrittenPages() : undefined;
      const instance = new LeanInstance(this, new GuestState(host, written, stopwatch));
      this.#isResettable &&= instance.capture(this.#images);
      if (this.#isResettable) this.#images ??= instance.images;
      return instance;
    } catch (thrown) {
      throw startTrapped(thrown);
    }
  }

  /** Takes an instance back that is not used any more. */
  keep(instance: LeanInstance): void {
    if (this.#isDormant || !this.#isResettable || instance.tracksWrites !== this.code.tracksWrites) return;
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

  /** Returns a function of the plan as a core module imports it, in one instance. */
  coreFunction(index: number, guest: GuestState, memories: readonly GuestMemory[]): unknown {
    const planned = this.plan.functions[index]!;
    if (planned.kind === "drop") return dropOf(planned.resource, guest);
    const memory = memories[planned.context]!;
    let call: ImportCall | undefined;
    const run = (...flat: CoreValue[]): unknown => (call ??= this.#call(index, planned))(memory, flat);
    return this.#waits[index] === true ? new WebAssembly.Suspending(run) : run;
  }

  /** What the calls of an import share is worked out at the first of them: most imports are never called. */
  #call(index: number, planned: Extract<PlannedFunction, { kind: "lower" }>): ImportCall {
    return (this.#calls[index] ??= makeImportCall(
      this.#codec,
      planned.type,
      hostFunction(planned.interface, planned.name),
    ));
  }
}

function dropOf(resource: number, guest: GuestState): (handle: number) => void {
  return (handle) => {
    guest.assertMayLeave();
    try {
      guest.handles.drop(handle, resource);
    } catch (thrown) {
      throw guest.trapped(thrown);
    }
  };
}

function memoriesOf(module: WebAssembly.Module, step: number): { step: number; name: string }[] {
  return WebAssembly.Module.exports(module)
    .filter(({ kind }) => kind === "memory")
    .map(({ name }) => ({ step, name }));
}
