import { WasiError } from "../../errors.ts";
import type { FieldEntry } from "../../http/field-rules.ts";
import { Fields as Fields2, FieldsTooLarge } from "../../http/fields.ts";

/** `wasi:http/types` resource `fields` of WASI 0.3: what it cannot hold is an error of the guest's, not a trap. */
export class Fields extends Fields2 {
  static override fromList(entries: readonly FieldEntry[]): Fields {
    const fields = new Fields();
    for (const [name, value] of entries) fields.append(name, value);
    return fields;
  }

  static override received(entries: readonly FieldEntry[]): Fields {
    return new Fields().receive(entries);
  }

  override set(name: string, values: readonly Uint8Array[]): void {
    bounded(() => super.set(name, values));
  }

  override append(name: string, value: Uint8Array): void {
    bounded(() => super.append(name, value));
  }

  override clone(): Fields {
    return new Fields().copy(this);
  }

  /** Returns every value of `name` and removes them. */
  getAndDelete(name: string): Uint8Array[] {
    const values = this.get(name);
    this.delete(name);
    return values;
  }

  /** Returns all names and values in order. */
  copyAll(): FieldEntry[] {
    return this.entries();
  }
}

function bounded(change: () => void): void {
  try {
    change();
  } catch (thrown) {
    throw thrown instanceof FieldsTooLarge ? new WasiError({ tag: "size-exceeded" }) : thrown;
  }
}
