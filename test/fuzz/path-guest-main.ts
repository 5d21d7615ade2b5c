import { join } from "node:path";
import { WasiError } from "../../node-runtime/wasi/errors.ts";
import type { Descriptor } from "../../node-runtime/wasi/filesystem/descriptor.ts";
import { createFilesystemImports } from "../../node-runtime/wasi/filesystem/imports.ts";
import { Scope } from "../../node-runtime/wasi/scope.ts";
import { NAMES, OUTSIDE_NAME, SECRET, SECRET_BYTES, SECRET_NAME, SECRET_TARGET } from "./path-arena.ts";
import { Random } from "./random.ts";

/*
 * A guest that tries to get out: in a process of its own, through the host's own code. Each round is so many operations
 * from a seed; it answers with how many came to what, and with everything that it saw of the outside.
 */

/** What a guest is told to do. */
export interface GuestRound {
  arena: string;
  seed: number;
  operations: number;
}

/** What came of a round. */
export interface GuestAccount {
  outcomes: Record<string, number>;
  escapes: string[];
}

const MAX_SEGMENTS = 5;
const MAX_HELD = 8;
const MAX_FILE_BYTES = 256;
const MAX_ESCAPES = 20;
const READ_BYTES = 64n;
const TARGETS = [
  "..",
  "../canary",
  "../../canary",
  "../canary/secret",
  "../attic",
  "a/../..",
  "b/../../canary/folder",
  "c",
  ".",
];
const ODD_NAMES = ["..", "..", "..", ".", "", "/", "\0", "x".repeat(256), "link", SECRET_NAME, "canary", "attic"];

class Guest {
  readonly #root: Descriptor;
  readonly #outside: readonly Descriptor[];
  readonly #outsideHashes: ReadonlySet<string>;
  readonly #random: Random;
  /** Directories that were opened and may have been moved, even out of the volume, since. */
  #held: Descriptor[] = [];
  readonly account: GuestAccount = { outcomes: {}, escapes: [] };

  constructor(scope: Scope, { arena, seed }: GuestRound) {
    const preopens = ["root", "."].map((folder) => ({ guestPath: "/", hostPath: join(arena, folder), writable: true }));
    const { getDirectories } = createFilesystemImports(scope, preopens)["wasi:filesystem/preopens"] as {
      getDirectories: () => [Descriptor, string][];
    };
    const [[root], [outer]] = getDirectories() as [[Descriptor, string], [Descriptor, string]];
    this.#root = root;
    this.#outside = [
      "canary/secret",
      "canary/folder",
      "canary/folder/secret",
      "canary",
      "attic",
      "attic/bait",
      ".",
    ].map((path) => outer.openAt({}, path, {}, { read: true }));
    this.#outsideHashes = new Set(this.#outside.map((one) => hashText(one.metadataHash())));
    this.#random = new Random(seed);
  }

  async run(operations: number): Promise<void> {
    for (let count = 0; count < operations; count++) this.#note(await this.#try());
    for (const one of this.#held) one[Symbol.dispose]();
  }

  #note(outcome: string): void {
    this.account.outcomes[outcome] = (this.account.outcomes[outcome] ?? 0) + 1;
  }

  async #try(): Promise<string> {
    const operation = this.#random.pick(OPERATIONS);
    try {
      await this[operation]();
      return `${operation} done`;
    } catch (thrown) {
      if (thrown instanceof WasiError) return `${operation} ${String(thrown.payload)}`;
      this.#escaped(`${operation} threw ${String(thrown)}`);
      return `${operation} threw`;
    }
  }

  /** A directory to start from: mostly the volume's, at times one that was opened long ago. */
  #base(): Descriptor {
    return this.#held.length > 0 && this.#random.below(4) === 0 ? this.#random.pick(this.#held) : this.#root;
  }

  #path(): string {
    const names = Array.from({ length: 1 + this.#random.below(MAX_SEGMENTS) }, () =>
      this.#random.pick(this.#random.below(4) === 0 ? ODD_NAMES : NAMES),
    );
    return (this.#random.below(50) === 0 ? "/" : "") + names.join("/") + (this.#random.below(10) === 0 ? "/" : "");
  }

  #flag(): boolean {
    return this.#random.below(2) === 0;
  }

  #follow(): { symlinkFollow: boolean } {
    return { symlinkFollow: this.#flag() };
  }

  #escaped(what: string): void {
    if (this.account.escapes.length < MAX_ESCAPES) this.account.escapes.push(what);
  }

  #open(): Descriptor {
    const random = this.#random;
    const path = this.#path();
    const open = { create: this.#flag(), exclusive: random.below(4) === 0, truncate: random.below(4) === 0 };
    const opened =
      random.below(3) === 0
        ? this.#base().openAt(this.#follow(), path, { directory: true }, { read: true, mutateDirectory: true })
        : this.#base().openAt(this.#follow(), path, open, { read: true, write: this.#flag() });
    if (this.#outside.some((one) => opened.isSameObject(one))) this.#escaped(`${path} was opened outside`);
    return opened;
  }

  async open(): Promise<void> {
    const opened = this.#open();
    if (opened.getType() === "directory") return this.#hold(opened);
    try {
      const [bytes] = await opened.read(READ_BYTES, 0n);
      if (Buffer.from(bytes).toString("latin1").includes(SECRET)) this.#escaped("the secret was read");
      if (opened.getFlags().write === true)
        await opened.write(Buffer.from("inside"), BigInt(this.#random.below(MAX_FILE_BYTES)));
    } finally {
      opened[Symbol.dispose]();
    }
  }

  #hold(directory: Descriptor): void {
    this.#held.push(directory);
    if (this.#held.length > MAX_HELD) this.#held.splice(this.#random.below(MAX_HELD), 1)[0]![Symbol.dispose]();
  }

  list(): void {
    const directory = this.#base();
    const stream = directory.readDirectory();
    try {
      for (let left = 50; left > 0; left--) {
        const entry = stream.readDirectoryEntry();
        if (entry === undefined) return;
        if (entry.name === OUTSIDE_NAME) this.#escaped("the canary's folder was listed");
      }
    } finally {
      stream[Symbol.dispose]();
    }
  }

  stat(): void {
    if (this.#base().statAt(this.#follow(), this.#path()).size === BigInt(SECRET_BYTES))
      this.#escaped("stat of the secret");
  }

  hash(): void {
    const hash = this.#base().metadataHashAt(this.#follow(), this.#path());
    if (this.#outsideHashes.has(hashText(hash))) this.#escaped("the hash of something outside");
  }

  readlink(): void {
    if (this.#base().readlinkAt(this.#path()) === SECRET_TARGET) this.#escaped("a link outside was read");
  }

  mkdir(): void {
    this.#base().createDirectoryAt(this.#path());
  }

  rmdir(): void {
    this.#base().removeDirectoryAt(this.#path());
  }

  unlink(): void {
    this.#base().unlinkFileAt(this.#path());
  }

  rename(): void {
    this.#base().renameAt(this.#path(), this.#base(), this.#path());
  }

  link(): void {
    this.#base().linkAt(this.#follow(), this.#path(), this.#base(), this.#path());
  }

  symlink(): void {
    this.#base().symlinkAt(this.#random.pick(TARGETS), this.#path());
  }

  times(): void {
    this.#base().setTimesAt(this.#follow(), this.#path(), { tag: "now" }, { tag: "now" });
  }
}

const OPERATIONS = [
  "open",
  "open",
  "open",
  "open",
  "list",
  "stat",
  "hash",
  "readlink",
  "mkdir",
  "mkdir",
  "rmdir",
  "unlink",
  "rename",
  "rename",
  "link",
  "symlink",
  "times",
] as const;

function hashText({ lower, upper }: { lower: bigint; upper: bigint }): string {
  return `${lower} ${upper}`;
}

process.on("message", async (round: GuestRound) => {
  const scope = new Scope();
  const guest = new Guest(scope, round);
  await guest.run(round.operations);
  scope.close();
  process.send!(guest.account);
});
process.once("disconnect", () => process.exit());
