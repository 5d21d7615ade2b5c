import { ftruncateSync } from "node:fs";
import { InputStream } from "../io/input-stream.ts";
import { OutputStream } from "../io/output-stream.ts";
import * as changes from "./directory-changes.ts";
import { DirectoryEntryStream } from "./directory-entry-stream.ts";
import { asWasiError, attempt, failure } from "./error-code.ts";
import { readAt, syncDirectory, syncFile, writeWithin } from "./file-io.ts";
import { FileSink, FileSource } from "./file-streams.ts";
import { HeldFd } from "./held-fd.ts";
import { setTimesOfFd, setTimesOfPath, statFd, statPath, statRecordOf } from "./metadata.ts";
import { ObjectHandle } from "./object-handle.ts";
import { openObject, reopenToAppend } from "./open.ts";
import type { VolumeQuota } from "./volume-quota.ts";
import type {
  DescriptorFlags,
  DescriptorStat,
  DescriptorType,
  MetadataHashValue,
  NewTimestamp,
  OpenFlags,
  PathFlags,
} from "./types.ts";

/** The most that one `read` returns. */
const MAX_READ_BYTES = 64 * 1024;
/** The most that one `write` takes: it is copied, as the guest may change it meanwhile. */
const MAX_WRITE_BYTES = 1024 * 1024;

/** `wasi:filesystem/types` resource `descriptor`: a file or a directory that the guest has open. */
export class Descriptor {
  readonly #handle: ObjectHandle;

  constructor(handle: ObjectHandle) {
    this.#handle = handle;
  }

  /** A stream of the file's bytes from `offset` on. */
  readViaStream(offset: bigint): InputStream {
    const { scope } = this.#withRoom();
    return new InputStream(scope, new FileSource(this.#handle.readableFile().retain(), offset));
  }

  /** A stream that writes into the file from `offset` on. */
  writeViaStream(offset: bigint): OutputStream {
    const { scope, quota } = this.#withRoom();
    return new OutputStream(scope, new FileSink(this.#handle.writableFile().retain(), offset, quota));
  }

  /** A stream that writes at the end of the file, wherever that is at each write. */
  appendViaStream(): OutputStream {
    const { scope, quota } = this.#withRoom();
    const appending = new HeldFd(reopenToAppend(this.#handle.writableFile().fd));
    quota?.opened(appending);
    return new OutputStream(scope, new FileSink(appending, undefined, quota));
  }

  /** Does nothing: Node.js has no way to advise the kernel. */
  advise(_offset: bigint, _length: bigint, _advice: string): void {
    if (this.#handle.kind === "directory") throw failure("bad-descriptor");
  }

  /** Resolves when the file's data is on the disk. */
  async syncData(): Promise<void> {
    await this.#sync(true);
  }

  /** Resolves when the file's data and metadata are on the disk. */
  async sync(): Promise<void> {
    await this.#sync(false);
  }

  /** What the descriptor was opened for. */
  getFlags(): DescriptorFlags {
    return { ...this.#handle.flags };
  }

  /** `directory` or `regular-file`: nothing else can be opened. */
  getType(): DescriptorType {
    return this.#handle.kind;
  }

  /** Cuts the file off at `size` bytes, or extends it with zeroes. */
  setSize(size: bigint): void {
    const { fd } = this.#handle.writableFile();
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw failure("file-too-large");
    attempt(() => ftruncateSync(fd, Number(size)));
    this.#quota?.shrank();
  }

  /** Sets the times of the object itself. */
  setTimes(access: NewTimestamp, modification: NewTimestamp): void {
    this.#handle.volume.requireWritable();
    setTimesOfFd(this.#handle.any().fd, access, modification);
  }

  /** Reads up to `length` bytes at `offset`; the second value is true at the end of the file. */
  async read(length: bigint, offset: bigint): Promise<[Uint8Array, boolean]> {
    const held = this.#handle.readableFile();
    const max = Number(length < BigInt(MAX_READ_BYTES) ? length : BigInt(MAX_READ_BYTES));
    if (max === 0) return [new Uint8Array(0), false];
    const bytes = await this.#wait(readAt(held, max, offset));
    return [bytes, bytes.length === 0];
  }

  /** Writes `buffer` at `offset`; returns how many of its bytes were written. */
  async write(buffer: Uint8Array, offset: bigint): Promise<bigint> {
    const held = this.#handle.writableFile();
    // Not `slice`: a Buffer's would be a view.
    const bytes = new Uint8Array(buffer.subarray(0, MAX_WRITE_BYTES));
    return BigInt(await this.#wait(writeWithin(this.#quota, held, bytes, offset)));
  }

  /** A stream of the directory's entries. */
  readDirectory(): DirectoryEntryStream {
    const { scope } = this.#withRoom();
    return new DirectoryEntryStream(scope, this.#handle.directory());
  }

  /** Creates the directory `path`. */
  createDirectoryAt(path: string): void {
    const { fd } = this.#handle.changeableDirectory();
    this.#quota?.addEntry();
    changes.createDirectory(fd, path);
  }

  /** Returns the metadata of the object itself. */
  stat(): DescriptorStat {
    return statRecordOf(statFd(this.#handle.any().fd));
  }

  /** Returns the metadata of the object at `path`. */
  statAt(pathFlags: PathFlags, path: string): DescriptorStat {
    return statRecordOf(statPath(this.#handle.directory().fd, path, follows(pathFlags)));
  }

  /** Sets the times of the object at `path`. */
  setTimesAt(pathFlags: PathFlags, path: string, access: NewTimestamp, modification: NewTimestamp): void {
    setTimesOfPath(this.#handle.changeableDirectory().fd, path, follows(pathFlags), access, modification);
  }

  /** Gives the file at `oldPath` the further name `newPath` in `newDescriptor`, which must be of the same preopen. */
  linkAt(oldPathFlags: PathFlags, oldPath: string, newDescriptor: Descriptor, newPath: string): void {
    const [from, to] = this.#changeablePair(newDescriptor);
    this.#quota?.addEntry();
    changes.createHardLink(from, oldPath, follows(oldPathFlags), to, newPath);
  }

  /** Opens or creates the file at `path`, or opens the directory there. */
  openAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): Descriptor {
    const directory = this.#handle.directory();
    const { volume } = this.#handle;
    if (openFlags.create || openFlags.truncate || flags.write || flags.mutateDirectory) volume.requireWritable();
    this.#withRoom();
    const request = { follow: follows(pathFlags), open: openFlags, flags };
    const { fd, kind } = openObject(directory.fd, path, request, () => volume.quota?.addEntry());
    const held = new HeldFd(fd);
    if (kind === "regular-file") volume.quota?.opened(held);
    if (openFlags.truncate) volume.quota?.shrank();
    return new Descriptor(new ObjectHandle(volume, kind, { ...flags, mutateDirectory: false }, held));
  }

  /** Returns the target of the link at `path`. */
  readlinkAt(path: string): string {
    return changes.readLinkAt(this.#handle.directory().fd, path);
  }

  /** Removes the empty directory `path`. */
  removeDirectoryAt(path: string): void {
    changes.removeDirectory(this.#handle.changeableDirectory().fd, path);
    this.#quota?.shrank();
  }

  /** Moves the object at `oldPath` to `newPath` in `newDescriptor`, which must be of the same preopen. */
  renameAt(oldPath: string, newDescriptor: Descriptor, newPath: string): void {
    const [from, to] = this.#changeablePair(newDescriptor);
    changes.renameObject(from, oldPath, to, newPath);
    this.#quota?.shrank();
  }

  /** Creates the link `newPath` to the relative path `oldPath`. */
  symlinkAt(oldPath: string, newPath: string): void {
    const { fd } = this.#handle.changeableDirectory();
    this.#quota?.addEntry();
    changes.createLink(fd, oldPath, newPath);
  }

  /** Removes the file or link `path`. */
  unlinkFileAt(path: string): void {
    changes.unlinkFile(this.#handle.changeableDirectory().fd, path);
    this.#quota?.shrank();
  }

  /** True when both stand for one object of the host, however they were reached. */
  isSameObject(other: Descriptor): boolean {
    const mine = statFd(this.#handle.any().fd);
    const theirs = statFd(other.#handle.any().fd);
    return mine.dev === theirs.dev && mine.ino === theirs.ino;
  }

  /** Returns a number that identifies the object within this guest. */
  metadataHash(): MetadataHashValue {
    return this.#handle.volume.hasher.hash(statFd(this.#handle.any().fd));
  }

  /** Returns a number that identifies the object at `path` within this guest. */
  metadataHashAt(pathFlags: PathFlags, path: string): MetadataHashValue {
    return this.#handle.volume.hasher.hash(statPath(this.#handle.directory().fd, path, follows(pathFlags)));
  }

  /** Drop: streams of it go on. */
  [Symbol.dispose](): void {
    this.#handle.release();
    this.#quota?.shrank();
  }

  async #sync(dataOnly: boolean): Promise<void> {
    const held = this.#handle.any();
    await this.#wait(this.#handle.kind === "directory" ? syncDirectory(held) : syncFile(held, dataOnly));
  }

  get #quota(): VolumeQuota | undefined {
    return this.#handle.volume.quota;
  }

  /** The volume, when another resource may be opened; throws otherwise. */
  #withRoom(): ObjectHandle["volume"] {
    this.#handle.volume.requireRoom();
    return this.#handle.volume;
  }

  #changeablePair(other: Descriptor): [from: number, to: number] {
    const from = this.#handle.changeableDirectory();
    const to = other.#handle.changeableDirectory();
    if (this.#handle.volume !== other.#handle.volume) throw failure("cross-device");
    return [from.fd, to.fd];
  }

  /** Waits for the host's file system; the guest unwinds when its host closes first. */
  async #wait<T>(operation: Promise<T>): Promise<T> {
    try {
      return await this.#handle.volume.scope.race(operation);
    } catch (thrown) {
      throw asWasiError(thrown);
    }
  }
}

function follows(flags: PathFlags): boolean {
  return flags.symlinkFollow === true;
}
