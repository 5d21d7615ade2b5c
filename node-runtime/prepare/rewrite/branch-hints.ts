import { SECTION } from "../../wasm-binary/sections.ts";
import { Writer } from "../../wasm-binary/writer.ts";
import type { BodyPatch } from "./function-body.ts";

const UNLIKELY = 0;

/**
 * Tells V8 which branches are hardly ever taken, so that it lays out what stands behind them as it does a trap.
 * https://webassembly.github.io/branch-hinting/core/appendix/custom.html: a custom section in front of the code.
 */
export class BranchHints {
  readonly #functions: { index: number; offsets: number[] }[] = [];
  #next: number;

  /** `importedFunctions` is the index of the first body. */
  constructor(importedFunctions: number) {
    this.#next = importedFunctions;
  }

  /** What has every body tell its branches, in their order. */
  readonly patch: Pick<BodyPatch, "unlikely"> = {
    unlikely: (offsets) => {
      const index = this.#next++;
      if (offsets.length > 0) this.#functions.push({ index, offsets });
    },
  };

  /** Writes the section, if there is anything to tell. */
  writeSection(out: Writer): void {
    if (this.#functions.length === 0) return;
    const section = new Writer().name("metadata.code.branch_hint").unsigned(this.#functions.length);
    for (const { index, offsets } of this.#functions) {
      section.unsigned(index).unsigned(offsets.length);
      for (const offset of offsets) section.unsigned(offset).unsigned(1).byte(UNLIKELY);
    }
    out.byte(SECTION.custom).sized(section.done());
  }
}
