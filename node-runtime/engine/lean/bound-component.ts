import type { BindingPlan } from "../../artifacts/binding-plan.ts";
import { WAITING_EXPORTS, WAITING_FUNCTIONS } from "../../wasi/offered.ts";
import type { CoreModule } from "../core-modules.ts";
import type { MemoryImage } from "../instance-state.ts";
import type { Code } from "./code-choice.ts";
import { makeExportCall, type ExportCall } from "./export-call.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { GuestState } from "./guest-state.ts";
import { hostFunction } from "./host-function.ts";
import { makeImportCall, type ImportCall } from "./import-call.ts";
import { Layouts } from "./layout.ts";
import { MemoryCodec } from "./memory-codec.ts";
import { unversioned } from "./names.ts";
import type { CoreValue } from "./scalars.ts";

const WAITING: ReadonlySet<string> = new Set(WAITING_FUNCTIONS);

type PlannedFunction = BindingPlan["functions"][number];
type PlannedExport = BindingPlan["exports"][number];

/** An export with all that its calls share over all instances. */
export interface BoundExport {
  planned: PlannedExport;
  /**
   * True when the guest may be suspended within it, so that it must run as a promise. That is on a stack of its own: what
   * it takes of that is not missing to the host, which would break off anywhere. So they all do, whatever they import.
   */
  mayWait: boolean;
  call: ExportCall;
}

/**
 * A component as all instances of it in a process share it, whatever app they belong to: its plan, compiled modules, and
 * what is worked out of its types. Nothing in it comes from a request.
 */
export class BoundComponent {
  readonly plan: BindingPlan;
  readonly exports: readonly BoundExport[];
  /** Where `exports` has `wasi:http/incoming-handler.handle` and `wasi:cli/run.run`; -1 without it. */
  readonly handler: number;
  readonly command: number;
  /** Memories that core instances export, by step and name. */
  readonly memories: readonly { step: number; name: string }[];
  /** What the memories of a pristine instance hold, once one was captured. */
  images: readonly (MemoryImage | undefined)[] | undefined;
  /** Whether instances can be made pristine again, as far as is known. */
  isResettable: boolean;
  readonly #load: (tracksWrites: boolean) => readonly CoreModule[];
  readonly #codes = new Map<boolean, Code>();
  readonly #codec: MemoryCodec;
  readonly #calls: (ImportCall | undefined)[] = [];
  readonly #waits: readonly boolean[];

  /** `load` compiles the modules, with or without marks of what they write; `tracksWrites` says with which to begin. */
  constructor(plan: BindingPlan, load: (tracksWrites: boolean) => readonly CoreModule[], tracksWrites: boolean) {
    this.plan = plan;
    this.#load = load;
    const { modules } = this.code(tracksWrites);
    this.isResettable = plan.steps.every(
      (step) => step.kind === "call" || modules[step.module]?.rewriting?.resettable === true,
    );
    this.#codec = new MemoryCodec(plan.types, new Layouts(plan.types));
    this.#waits = plan.functions.map(
      (entry) => entry.kind === "lower" && WAITING.has(`${entry.interface}#${entry.name}`),
    );
    this.exports = plan.exports.map((planned) => ({
      planned,
      mayWait: WAITING_EXPORTS.includes(`${unversioned(planned.interface)}#${planned.name}`),
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

  /** Returns the modules, with marks of what they write or without; compiled when they are first asked for. */
  code(tracksWrites: boolean): Code {
    let code = this.#codes.get(tracksWrites);
    if (code === undefined) this.#codes.set(tracksWrites, (code = { modules: this.#load(tracksWrites), tracksWrites }));
    return code;
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
