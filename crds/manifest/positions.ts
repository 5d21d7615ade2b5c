import type { LineCounter } from "yaml";
import type { FieldPath } from "../schema/field-problem.ts";
import type { Position } from "./manifest-problem.ts";

/** A field: at which characters of the file its name and its value begin, and the fields below it. */
interface Place {
  key?: number;
  value?: number;
  below?: Map<string | number, Place>;
}

/** Where the fields of one YAML document stand in its file. */
export class Positions {
  readonly #lines: LineCounter;
  readonly #root: Place = {};

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  /** Records at which character of the file the name of a field begins. */
  setKey(path: FieldPath, offset: number): void {
    this.#enter(path).key = offset;
  }

  /** Records at which character of the file the value of a field begins. */
  setValue(path: FieldPath, offset: number): void {
    this.#enter(path).value = offset;
  }

  /** Returns where a field's name stands, else its value, else the nearest parent that is in the file. */
  ofKey(path: FieldPath): Position {
    const { nearest } = this.#find(path);
    return this.at(nearest.key ?? nearest.value ?? 0);
  }

  /** Returns where a field's value stands; for a field that is not in the file, where its parent's name stands. */
  ofValue(path: FieldPath): Position {
    const { nearest, isExact } = this.#find(path);
    return isExact && nearest.value !== undefined ? this.at(nearest.value) : this.ofKey(path);
  }

  /** Returns the line and column of a character of the file. */
  at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    // An empty file has no lines at all.
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #enter(path: FieldPath): Place {
    let place = this.#root;
    for (const step of path) {
      place.below ??= new Map();
      const existing = place.below.get(step);
      const next: Place = existing ?? {};
      if (existing === undefined) place.below.set(step, next);
      place = next;
    }
    return place;
  }

  #find(path: FieldPath): { nearest: Place; isExact: boolean } {
    let nearest = this.#root;
    for (const step of path) {
      const next = nearest.below?.get(step);
      if (next === undefined) return { nearest, isExact: false };
      nearest = next;
    }
    return { nearest, isExact: true };
  }
}
