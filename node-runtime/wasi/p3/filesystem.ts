import { HostClosedError, WasiError } from "../errors.ts";
import type { Descriptor as Descriptor2 } from "../filesystem/descriptor.ts";
import { errorCodeOf as codeOf2, type ErrorCode as ErrorCode2, FileStreamError } from "../filesystem/error-code.ts";
import type {
  DescriptorFlags,
  DescriptorStat as DescriptorStat2,
  DescriptorType as DescriptorType2,
  MetadataHashValue,
  NewTimestamp,
  OpenFlags,
  PathFlags,
} from "../filesystem/types.ts";
import type { HostImports } from "../host.ts";
import { converting, convertingAsync, resultOf, type Result } from "./result.ts";
import { pump, streamFrom, type GuestStream } from "./streams.ts";

/** The WIT variant `error-code` of WASI 0.3. */
type ErrorCode = { tag: Exclude<ErrorCode2, "would-block"> } | { tag: "other"; val: string | undefined };

/** The WIT variant `descriptor-type` of WASI 0.3. */
type DescriptorType = { tag: Exclude<DescriptorType2, "unknown"> } | { tag: "other"; val: string | undefined };

/** The WIT record `descriptor-stat` of WASI 0.3. */
type DescriptorStat = Omit<DescriptorStat2, "type"> & { type: DescriptorType };

/** The WIT record `directory-entry` of WASI 0.3. */
interface DirectoryEntry {
  type: DescriptorType;
  name: string;
}

type Outcome = Promise<Result<void, ErrorCode>>;

/** `wasi:filesystem/types` resource `descriptor` of WASI 0.3, over the one of WASI 0.2. */
class Descriptor {
  readonly #p2: Descriptor2;

  constructor(p2: Descriptor2) {
    this.#p2 = p2;
  }

  readViaStream(offset: bigint): [AsyncIterable<Uint8Array>, Outcome] {
    try {
      const { stream, ended } = streamFrom(this.#p2.readViaStream(offset));
      return [stream, resultOf(ended, streamErrorOf)];
    } catch (thrown) {
      return [noEntries(), resultOf(Promise.reject(thrown), streamErrorOf)];
    }
  }

  writeViaStream(data: GuestStream, offset: bigint): Outcome {
    return this.#write(data, () => this.#p2.writeViaStream(offset));
  }

  appendViaStream(data: GuestStream): Outcome {
    return this.#write(data, () => this.#p2.appendViaStream());
  }

  async advise(offset: bigint, length: bigint, advice: string): Promise<void> {
    at(() => this.#p2.advise(offset, length, advice));
  }

  syncData(): Promise<void> {
    return convertingAsync(errorCodeOf, () => this.#p2.syncData());
  }

  sync(): Promise<void> {
    return convertingAsync(errorCodeOf, () => this.#p2.sync());
  }

  async getFlags(): Promise<DescriptorFlags> {
    return this.#p2.getFlags();
  }

  async getType(): Promise<DescriptorType> {
    return typeOf(this.#p2.getType());
  }

  async setSize(size: bigint): Promise<void> {
    at(() => this.#p2.setSize(size));
  }

  async setTimes(access: NewTimestamp, modification: NewTimestamp): Promise<void> {
    at(() => this.#p2.setTimes(access, modification));
  }

  readDirectory(): [AsyncIterable<DirectoryEntry>, Outcome] {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    return [this.#entries(resolve, reject), resultOf(promise, streamErrorOf)];
  }

  async createDirectoryAt(path: string): Promise<void> {
    at(() => this.#p2.createDirectoryAt(path));
  }

  async stat(): Promise<DescriptorStat> {
    return statOf(at(() => this.#p2.stat()));
  }

  async statAt(pathFlags: PathFlags, path: string): Promise<DescriptorStat> {
    return statOf(at(() => this.#p2.statAt(pathFlags, path)));
  }

  async setTimesAt(flags: PathFlags, path: string, access: NewTimestamp, modification: NewTimestamp): Promise<void> {
    at(() => this.#p2.setTimesAt(flags, path, access, modification));
  }

  async linkAt(flags: PathFlags, oldPath: string, newDescriptor: Descriptor, newPath: string): Promise<void> {
    at(() => this.#p2.linkAt(flags, oldPath, newDescriptor.#p2, newPath));
  }

  async openAt(pathFlags: PathFlags, path: string, open: OpenFlags, flags: DescriptorFlags): Promise<Descriptor> {
    return new Descriptor(at(() => this.#p2.openAt(pathFlags, path, open, flags)));
  }

  async readlinkAt(path: string): Promise<string> {
    return at(() => this.#p2.readlinkAt(path));
  }

  async removeDirectoryAt(path: string): Promise<void> {
    at(() => this.#p2.removeDirectoryAt(path));
  }

  async renameAt(oldPath: string, newDescriptor: Descriptor, newPath: string): Promise<void> {
    at(() => this.#p2.renameAt(oldPath, newDescriptor.#p2, newPath));
  }

  async symlinkAt(oldPath: string, newPath: string): Promise<void> {
    at(() => this.#p2.symlinkAt(oldPath, newPath));
  }

  async unlinkFileAt(path: string): Promise<void> {
    at(() => this.#p2.unlinkFileAt(path));
  }

  async isSameObject(other: Descriptor): Promise<boolean> {
    return this.#p2.isSameObject(other.#p2);
  }

  async metadataHash(): Promise<MetadataHashValue> {
    return at(() => this.#p2.metadataHash());
  }

  async metadataHashAt(pathFlags: PathFlags, path: string): Promise<MetadataHashValue> {
    return at(() => this.#p2.metadataHashAt(pathFlags, path));
  }

  /** Drop: streams of it go on. */
  [Symbol.dispose](): void {
    this.#p2[Symbol.dispose]();
  }

  async *#entries(resolve: () => void, reject: (reason: unknown) => void): AsyncGenerator<DirectoryEntry> {
    try {
      using directory = this.#p2.readDirectory();
      for (let entry = directory.readDirectoryEntry(); entry; entry = directory.readDirectoryEntry()) {
        yield { type: typeOf(entry.type), name: entry.name };
      }
    } catch (thrown) {
      reject(thrown);
    } finally {
      resolve();
    }
  }

  #write(data: GuestStream, open: () => ReturnType<Descriptor2["appendViaStream"]>): Outcome {
    return resultOf(
      Promise.try(() => pump(data, open(), closedFile)),
      streamErrorOf,
    );
  }
}

/** Returns `wasi:filesystem/types` and `wasi:filesystem/preopens` of WASI 0.3 over those of WASI 0.2. */
export function createFilesystemImports(p2: HostImports): HostImports {
  const getDirectories = p2["wasi:filesystem/preopens"]!["getDirectories"] as () => [Descriptor2, string][];
  return {
    "wasi:filesystem/types": { Descriptor },
    "wasi:filesystem/preopens": {
      getDirectories: () => getDirectories().map(([directory, path]) => [new Descriptor(directory), path]),
    },
  };
}

function closedFile(): FileStreamError {
  return new FileStreamError("bad-descriptor");
}

function at<T>(operation: () => T): T {
  return converting(errorCodeOf, operation);
}

function errorCodeOf(code: ErrorCode2): ErrorCode {
  return code === "would-block" ? { tag: "other", val: code } : { tag: code };
}

/** What a stream failed with; anything that is no file system's error is a trap. */
function streamErrorOf(thrown: unknown): ErrorCode {
  if (thrown instanceof HostClosedError) throw thrown;
  if (thrown instanceof FileStreamError) return errorCodeOf(thrown.code);
  return errorCodeOf((thrown instanceof WasiError ? (thrown.payload as ErrorCode2) : codeOf2(thrown)) ?? "io");
}

function typeOf(type: DescriptorType2): DescriptorType {
  return type === "unknown" ? { tag: "other", val: undefined } : { tag: type };
}

function statOf(stat: DescriptorStat2): DescriptorStat {
  return { ...stat, type: typeOf(stat.type) };
}

async function* noEntries(): AsyncGenerator<never> {}
