import { AbiTrap, trapUnless } from "./abi-trap.ts";

/** Handles that one instance may have at once; the component model allows 2^28. */
const MAX_HANDLES = 65_536;

/** What a handle of the guest stands for: an object of the host's, owned or borrowed for the time of one call. */
interface Handle {
  readonly resource: number;
  readonly value: unknown;
  readonly own: boolean;
  /** How many borrows of it are under way: an owned handle may not be given away or dropped meanwhile. */
  lends: number;
}

/** The handles of one instance by index; 0 is never one. A wrong index or a wrong type traps. */
export class HandleTable {
  readonly #entries: (Handle | undefined)[] = [undefined];
  readonly #free: number[] = [];
  readonly #lent: Handle[] = [];
  #borrowed = 0;

  /** Adds a handle of `value`; a borrowed one must be dropped before the call ends that it was passed to. */
  add(resource: number, value: unknown, own = true): number {
    const entry: Handle = { resource, value, own, lends: 0 };
    if (!own) this.#borrowed++;
    const free = this.#free.pop();
    if (free === undefined) {
      trapUnless(this.#entries.length < MAX_HANDLES, `the guest has more than ${MAX_HANDLES} handles`);
      return this.#entries.push(entry) - 1;
    }
    this.#entries[free] = entry;
    return free;
  }

  /** Takes the value of an owned handle out of the guest's hands. */
  takeOwn(index: number, resource: number): unknown {
    const handle = this.#get(index, resource);
    trapUnless(handle.own, `handle ${index} is borrowed: it cannot be given away`);
    trapUnless(handle.lends === 0, `handle ${index} is lent to a call: it cannot be given away`);
    this.#forget(index);
    return handle.value;
  }

  /** Returns the value of an owned or borrowed handle, which cannot be given away until `returnLent`. */
  lend(index: number, resource: number): unknown {
    const handle = this.#get(index, resource);
    handle.lends++;
    this.#lent.push(handle);
    return handle.value;
  }

  /** Ends all lends: the call that they were for is over. */
  returnLent(): void {
    // Setting an array's length costs more than this.
    for (let handle = this.#lent.pop(); handle !== undefined; handle = this.#lent.pop()) handle.lends--;
  }

  /** Drops a handle; an owned one ends its value through `Symbol.dispose`. */
  drop(index: number, resource: number): void {
    const handle = this.#get(index, resource);
    trapUnless(handle.lends === 0, `handle ${index} is lent to a call: it cannot be dropped`);
    this.#forget(index);
    if (handle.own) (handle.value as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
    else this.#borrowed--;
  }

  /** Traps when a borrowed handle is left over from the call that ends. */
  endBorrows(): void {
    trapUnless(this.#borrowed === 0, "a borrowed handle was kept past the end of its call");
  }

  #get(index: number, resource: number): Handle {
    const handle = this.#entries[index >>> 0];
    if (handle === undefined) throw new AbiTrap(`there is no handle ${index >>> 0}`);
    trapUnless(handle.resource === resource, `handle ${index} is of another resource`);
    return handle;
  }

  #forget(index: number): void {
    this.#entries[index >>> 0] = undefined;
    this.#free.push(index >>> 0);
  }
}
