import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { binariesIn, readBinary, type Binary } from "./binary.ts";
import { namesIn, type Stock } from "./mutations.ts";
import type { Random } from "./random.ts";

/** What compilers write is large: one mutant in so many is of it. */
const ONE_IN_LARGE = 40;
const SMALL_BYTES = 8192;

/** Valid artifacts that mutants are made of. */
export class Corpus {
  readonly #small: readonly Binary[];
  readonly #large: readonly Binary[];
  readonly stock: Stock;

  constructor(folder: string) {
    const files = readdirSync(folder)
      .toSorted()
      .map((name) => readFileSync(join(folder, name)));
    this.#small = files.filter(({ length }) => length <= SMALL_BYTES).map((bytes) => readBinary(bytes));
    this.#large = files.filter(({ length }) => length > SMALL_BYTES).map((bytes) => readBinary(bytes));
    const binaries = [...this.#small, ...this.#large].flatMap(binariesIn);
    this.stock = { binaries, names: namesOf(binaries) };
  }

  /** Returns one of the artifacts, mostly a small one. */
  pick(random: Random): Binary {
    return random.pick(random.below(ONE_IN_LARGE) === 0 ? this.#large : this.#small);
  }
}

function namesOf(binaries: readonly Binary[]): Uint8Array[] {
  const payloads = binaries.flatMap(({ sections }) =>
    sections.flatMap(({ payload }) =>
      payload instanceof Uint8Array && payload.length <= SMALL_BYTES ? [payload] : [],
    ),
  );
  const names = payloads.flatMap((payload) =>
    namesIn(payload).map(({ bytes }) => Buffer.from(bytes).toString("latin1")),
  );
  return [...new Set(names)].map((name) => Buffer.from(name, "latin1"));
}
