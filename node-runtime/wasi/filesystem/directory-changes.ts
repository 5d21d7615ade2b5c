import {
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  type BigIntStats,
} from "node:fs";
import { attempt, failure } from "./error-code.ts";
import { checkPathText } from "./guest-path.ts";
import { closeQuietly, pathOfChild } from "./proc-fd.ts";
import { readLink, Walk } from "./resolver.ts";

/** The directory and the single name in it that a path leads to. */
interface Place {
  /** The host's path of it, relative to the descriptor of the directory. */
  path: string;
  mustBeDirectory: boolean;
}

/** Creates the directory `path`. */
export function createDirectory(rootFd: number, path: string): void {
  using walk = new Walk(rootFd, path);
  const name = walk.lastName();
  if (name === undefined) throw failure("exist");
  attempt(() => mkdirSync(pathOfChild(walk.directoryFd, name)));
}

/** Removes the empty directory `path`. */
export function removeDirectory(rootFd: number, path: string): void {
  using walk = new Walk(rootFd, path);
  const place = placeOf(walk);
  attempt(() => rmdirSync(place.path));
}

/** Removes the file or link `path`. */
export function unlinkFile(rootFd: number, path: string): void {
  using walk = new Walk(rootFd, path);
  const place = placeOf(walk);
  if (place.mustBeDirectory) {
    throw failure(statPlace(place).isDirectory() ? "is-directory" : "not-directory");
  }
  attempt(() => unlinkSync(place.path));
}

/** Creates the link `path` to `target`, which must be relative. */
export function createLink(rootFd: number, target: string, path: string): void {
  checkPathText(target);
  using walk = new Walk(rootFd, path);
  const place = newPlaceOf(walk);
  attempt(() => symlinkSync(target, place.path));
}

/** Returns the target of the link `path`; `not-permitted` when it is absolute. */
export function readLinkAt(rootFd: number, path: string): string {
  using walk = new Walk(rootFd, path);
  const place = walk.lastName();
  if (place === undefined || walk.mustBeDirectory) throw failure("invalid");
  const target = readLink(walk.directoryFd, place);
  if (target === undefined) throw failure("invalid");
  if (target.startsWith("/")) throw failure("not-permitted");
  return target;
}

/** Gives the file at `oldPath` the further name `newPath`. */
export function createHardLink(
  oldRootFd: number,
  oldPath: string,
  follow: boolean,
  newRootFd: number,
  newPath: string,
): void {
  using oldWalk = new Walk(oldRootFd, oldPath);
  using newWalk = new Walk(newRootFd, newPath);
  if (follow) skipLinks(oldWalk);
  const oldPlace = placeOf(oldWalk);
  if (oldPlace.mustBeDirectory) throw failure(statPlace(oldPlace).isDirectory() ? "not-permitted" : "not-directory");
  const newPlace = newPlaceOf(newWalk);
  attempt(() => linkSync(oldPlace.path, newPlace.path));
}

/** Moves the object at `oldPath` to `newPath`, in place of what is there. */
export function renameObject(oldRootFd: number, oldPath: string, newRootFd: number, newPath: string): void {
  using oldWalk = new Walk(oldRootFd, oldPath);
  using newWalk = new Walk(newRootFd, newPath);
  const oldPlace = placeOf(oldWalk);
  const newPlace = placeOf(newWalk);
  if (oldPlace.mustBeDirectory || newPlace.mustBeDirectory) {
    if (!statPlace(oldPlace).isDirectory()) throw failure("not-directory");
  }
  attempt(() => renameSync(oldPlace.path, newPlace.path));
}

/** Returns the place of an object named by its last name; `invalid` for `.` and `..`. */
function placeOf(walk: Walk): Place {
  const name = walk.lastName();
  if (name === undefined) throw failure("invalid");
  return { path: pathOfChild(walk.directoryFd, name), mustBeDirectory: walk.mustBeDirectory };
}

/** Like `placeOf`, for what is about to be created there and is no directory. */
function newPlaceOf(walk: Walk): Place {
  const name = walk.lastName();
  if (name === undefined) throw failure("exist");
  const place = { path: pathOfChild(walk.directoryFd, name), mustBeDirectory: walk.mustBeDirectory };
  if (place.mustBeDirectory) throw failure(statPlace(place).isDirectory() ? "exist" : "not-directory");
  return place;
}

function statPlace(place: Place): BigIntStats {
  return attempt(() => lstatSync(place.path, { bigint: true }));
}

/** Takes the walk past links at its end. */
function skipLinks(walk: Walk): void {
  const found = walk.find(true);
  if (found !== undefined) closeQuietly(found.fd);
}
