import type { BindingPlan, CoreRef } from "../../artifacts/binding-plan.ts";
import type { IncomingRequest } from "../../wasi/http/incoming.ts";
import type { ResponseOutparam } from "../../wasi/http/response.ts";
import type { WasiHost } from "../../wasi/host.ts";
import { CoreInstance } from "../core-instance.ts";
import type { Instance } from "../engine.ts";
import type { MemoryImage } from "../instance-state.ts";
import { exitCodeOf } from "../exit-code.ts";
import { AbiTrap } from "./abi-trap.ts";
import type { CoreExport } from "./export-call.ts";
import { GuestMemory } from "./guest-memory.ts";
import type { GuestState } from "./guest-state.ts";
import type { LeanProgram } from "./lean-program.ts";
import type { CoreValue } from "./scalars.ts";
import type { Stopwatch } from "./stopwatch.ts";
import type { Tagged } from "./type-shapes.ts";

type Step = BindingPlan["steps"][number];
type CoreFunction = (...flat: CoreValue[]) => unknown;

/** The exports of a core instance, by name. */
type CoreExports = Readonly<Record<string, unknown>>;

/** One instance of a component: its core instances, bound to one host. */
export class LeanInstance implements Instance {
  declare handle?: NonNullable<Instance["handle"]>;
  declare run?: NonNullable<Instance["run"]>;
  readonly #program: LeanProgram;
  readonly #guest: GuestState;
  readonly #memories: readonly GuestMemory[];
  /** By step. */
  readonly #exports: CoreExports[] = [];
  readonly #cores: CoreInstance[] = [];
  /** The functions that the engine makes, by their index in the plan. */
  readonly #functions: unknown[] = [];
  readonly #entries: (CoreExport | undefined)[] = [];

  constructor(program: LeanProgram, guest: GuestState) {
    this.#program = program;
    this.#guest = guest;
    this.#memories = program.component.plan.contexts.map(() => new GuestMemory(guest));
    guest.written?.take();
    for (const [index, step] of program.component.plan.steps.entries()) this.#take(index, step);
    const { handler, command } = program.component;
    if (handler !== -1) {
      // Without a result: what the call resolves to is undefined.
      this.handle = (request: IncomingRequest, outparam: ResponseOutparam) =>
        this.call(handler, [request, outparam]) as Promise<void>;
    }
    if (command !== -1) {
      this.run = () => exitCodeOf(async () => (((await this.call(command, [])) as Tagged).tag === "ok" ? 0 : 1));
    }
  }

  /** Calls an export by its index in the plan. */
  call(index: number, args: readonly unknown[]): Promise<unknown> {
    const { call, planned } = this.#program.component.exports[index]!;
    const entry = (this.#entries[index] ??= this.#entry(index));
    return call(this.#memories[planned.context]!, entry, args);
  }

  /**
   * Captures its state as pristine, so that `renew` can bring it back; false when that is not possible, or when its making
   * depended on its host. `images` is what the memories of another instance held when it was captured.
   */
  capture(images: readonly (MemoryImage | undefined)[] = []): boolean {
    if (this.#guest.callsOut > 0) return false;
    return this.#cores.every((core, index) => core.capture(images[index]));
  }

  /** What its memories held when it was captured. */
  get images(): readonly (MemoryImage | undefined)[] {
    return this.#cores.map(({ image }) => image);
  }

  /** Becomes pristine again, for another host; false when it cannot. */
  renew(host: WasiHost, stopwatch: Stopwatch | undefined): boolean {
    this.#guest.renew(host, stopwatch);
    if (!this.#cores.every((core) => core.restore())) return false;
    this.#guest.written?.clear();
    return true;
  }

  /** Gives the instance back: nobody uses it any more. Its program may hand it out again, pristine. */
  release(): void {
    const { stopwatch } = this.#guest;
    if (stopwatch !== undefined) this.#program.noteCall(stopwatch.take(), () => this.memoryBytes());
    if (this.#guest.isIdle) this.#program.keep(this);
  }

  /** Whether it marks what it writes. */
  get tracksWrites(): boolean {
    return this.#guest.written !== undefined;
  }

  memoryBytes(): number {
    const memories = this.#program.component.memories.map(({ step, name }) => this.#exports[step]?.[name]);
    return [...new Set(memories as WebAssembly.Memory[])].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  }

  #take(index: number, step: Step): void {
    if (step.kind === "call") {
      this.#exports.push({});
      (this.#resolve(step.ref) as CoreFunction)();
      return;
    }
    const imports = bareObject<WebAssembly.ModuleImports>();
    for (const { module, name, ref } of step.imports) (imports[module] ??= bareObject())[name] = this.#resolve(ref);
    const core = new CoreInstance(this.#program.code.modules[step.module]!, imports, { written: this.#guest.written });
    this.#cores.push(core);
    this.#exports.push(core.exports);
    this.#bindMemories(index);
  }

  /** Gives the contexts what the new core instance exports for them. */
  #bindMemories(step: number): void {
    const from = (ref: CoreRef | undefined): unknown =>
      ref !== undefined && "step" in ref && ref.step === step ? this.#resolve(ref) : undefined;
    for (const [index, { memory, realloc }] of this.#program.component.plan.contexts.entries()) {
      this.#memories[index]!.bind(from(memory), from(realloc));
    }
  }

  #resolve(ref: CoreRef): unknown {
    if ("step" in ref) return this.#exports[ref.step]?.[ref.name];
    return (this.#functions[ref.call] ??= this.#program.component.coreFunction(ref.call, this.#guest, this.#memories));
  }

  #entry(index: number): CoreExport {
    const { planned, mayWait } = this.#program.component.exports[index]!;
    const run = this.#resolve(planned.ref);
    const postReturn = planned.postReturn && this.#resolve(planned.postReturn);
    if (typeof run !== "function") throw new AbiTrap(`the export ${index} is no function`);
    return {
      mayWait,
      run: mayWait ? WebAssembly.promising(run) : (run as CoreFunction),
      postReturn: postReturn as CoreFunction | undefined,
    };
  }
}

/** The guest chooses the names: `__proto__` must be one like any other. */
function bareObject<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}
