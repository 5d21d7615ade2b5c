import { WasiError } from "../errors.ts";
import { copyOf } from "../io/bytes.ts";
import {
  fieldBytes,
  isFieldValue,
  isForbiddenName,
  isToken,
  MAX_FIELDS_BYTES,
  MAX_FIELDS_COUNT,
  type FieldEntry,
} from "./field-rules.ts";

/** Thrown when fields would pass their bounds: a trap in WASI 0.2, which has no error for it. */
export class FieldsTooLarge extends Error {
  override readonly name = "FieldsTooLarge";
}

/** The WIT variant `header-error`. */
type HeaderError = { tag: "invalid-syntax" } | { tag: "forbidden" } | { tag: "immutable" };

/**
 * `wasi:http/types` resource `fields`: headers or trailers. Names compare without case and keep the casing and order
 * given. Beyond its bounds a change traps: WASI 0.2 has no error for it.
 */
export class Fields {
  #entries: FieldEntry[] = [];
  #bytes = 0;
  #immutable = false;

  /** Returns fields with these entries; throws a header-error when one is not acceptable. */
  static fromList(entries: readonly FieldEntry[]): Fields {
    const fields = new Fields();
    for (const [name, value] of entries) fields.append(name, value);
    return fields;
  }

  /** Returns immutable fields as received from the network, without those that are about the connection. */
  static received(entries: readonly FieldEntry[]): Fields {
    return new Fields().receive(entries);
  }

  /** Takes entries as received from the network over what is there, and becomes immutable; returns itself. */
  protected receive(entries: readonly FieldEntry[]): this {
    this.#entries = entries.filter(([name]) => !isForbiddenName(name));
    this.#bytes = bytesOf(this.#entries);
    return this.freeze();
  }

  /** Returns every value of `name`, none when there is no such field. */
  get(name: string): Uint8Array[] {
    const wanted = name.toLowerCase();
    return this.#entries.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  }

  /** True when there is a field `name`. */
  has(name: string): boolean {
    const wanted = name.toLowerCase();
    return this.#entries.some(([name]) => name.toLowerCase() === wanted);
  }

  /** Replaces all values of `name`. */
  set(name: string, values: readonly Uint8Array[]): void {
    this.#assertMutable();
    assertName(name);
    for (const value of values) assertValue(value);
    this.#replace([...this.#without(name), ...values.map((value): FieldEntry => [name, copyOf(value)])]);
  }

  /** Removes all values of `name`; nothing happens when there are none. */
  delete(name: string): void {
    this.#assertMutable();
    assertName(name);
    this.#replace(this.#without(name));
  }

  /** Adds a value to those of `name`. */
  append(name: string, value: Uint8Array): void {
    this.#assertMutable();
    assertName(name);
    assertValue(value);
    assertBounds(this.#entries.length + 1, this.#bytes + fieldBytes(name, value));
    this.#bytes += fieldBytes(name, value);
    this.#entries.push([name, copyOf(value)]);
  }

  /** Returns all names and values in order, a repeated name once for each value. */
  entries(): FieldEntry[] {
    return this.#entries.slice();
  }

  /** Returns a mutable copy. */
  clone(): Fields {
    return new Fields().copy(this);
  }

  /** Takes the entries of `other` over what is there; returns itself. */
  protected copy(other: Fields): this {
    this.#entries = other.#entries.slice();
    this.#bytes = other.#bytes;
    return this;
  }

  /** Makes the fields immutable, as they are once a message owns them; returns them. */
  freeze(): this {
    this.#immutable = true;
    return this;
  }

  #without(name: string): FieldEntry[] {
    const unwanted = name.toLowerCase();
    return this.#entries.filter(([name]) => name.toLowerCase() !== unwanted);
  }

  #replace(entries: FieldEntry[]): void {
    const bytes = bytesOf(entries);
    assertBounds(entries.length, bytes);
    this.#entries = entries;
    this.#bytes = bytes;
  }

  #assertMutable(): void {
    if (this.#immutable) throw new WasiError<HeaderError>({ tag: "immutable" });
  }
}

function bytesOf(entries: readonly FieldEntry[]): number {
  return entries.reduce((sum, [name, value]) => sum + fieldBytes(name, value), 0);
}

function assertName(name: string): void {
  if (!isToken(name)) throw new WasiError<HeaderError>({ tag: "invalid-syntax" });
  if (isForbiddenName(name)) throw new WasiError<HeaderError>({ tag: "forbidden" });
}

function assertValue(value: Uint8Array): void {
  if (!isFieldValue(value)) throw new WasiError<HeaderError>({ tag: "invalid-syntax" });
}

function assertBounds(count: number, bytes: number): void {
  if (count <= MAX_FIELDS_COUNT && bytes <= MAX_FIELDS_BYTES) return;
  throw new FieldsTooLarge(`fields: more than ${MAX_FIELDS_COUNT} entries or ${MAX_FIELDS_BYTES} bytes`);
}
