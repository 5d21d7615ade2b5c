import type { LineCounter } from "yaml";
import { type FieldPath, formatPath } from "../schema/field-problem.ts";
import type { Position } from "./manifest-problem.ts";

/** Where the fields of one YAML document stand in its file. */
export class Positions {
  readonly #lines: LineCounter;
  readonly #keys = new Map<string, number>();
  readonly #values = new Map<string, number>();

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  /** Records at which character of the file the name of a field begins. */
  setKey(path: FieldPath, offset: number): void {
    this.#keys.set(formatPath(path), offset);
  }

  /** Records at which character of the file the value of a field begins. */
  setValue(path: FieldPath, offset: number): void {
    this.#values.set(formatPath(path), offset);
  }

  /** Returns where a field's name stands, else its value, else the nearest parent that is in the file. */
  ofKey(path: FieldPath): Position {
    for (let length = path.length; length >= 0; length--) {
      const name = formatPath(path.slice(0, length));
      const offset = this.#keys.get(name) ?? this.#values.get(name);
      if (offset !== undefined) return this.at(offset);
    }
    return { line: 1, column: 1 };
  }

  /** Returns where a field's value stands; for a field that is not in the file, where its parent's name stands. */
  ofValue(path: FieldPath): Position {
    const offset = this.#values.get(formatPath(path));
    return offset === undefined ? this.ofKey(path) : this.at(offset);
  }

  /** Returns the line and column of a character of the file. */
  at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col };
  }
}
