import { constants } from "node:os";
import { expect, test } from "vitest";
import { WasiError } from "../errors.ts";
import { IoError } from "../io/error.ts";
import { attempt, errorCodeOf, failure, filesystemErrorCode, FileStreamError } from "./error-code.ts";

function systemError(code: keyof typeof constants.errno): Error {
  return Object.assign(new Error(`${code}: host/path`), { code, errno: -constants.errno[code] });
}

test.each([
  ["ENOENT", "no-entry"],
  ["EEXIST", "exist"],
  ["ENOTDIR", "not-directory"],
  ["EISDIR", "is-directory"],
  ["ENOTEMPTY", "not-empty"],
  ["EACCES", "access"],
  ["EPERM", "not-permitted"],
  ["EINVAL", "invalid"],
  ["ELOOP", "loop"],
  ["ENAMETOOLONG", "name-too-long"],
  ["ENOSPC", "insufficient-space"],
  ["EDQUOT", "quota"],
  ["EROFS", "read-only"],
  ["EXDEV", "cross-device"],
  ["EMFILE", "insufficient-memory"],
  ["ENFILE", "insufficient-memory"],
  ["ETXTBSY", "text-file-busy"],
  ["ECONNRESET", "io"],
] as const)("errorCodeOf: %s is %s", (errno, code) => {
  expect(errorCodeOf(systemError(errno))).toBe(code);
});

test("attempt: throws the WASI error of a system error, without the host's path", () => {
  expect(() =>
    attempt(() => {
      throw systemError("ENOENT");
    }),
  ).toThrow(/^WASI error no-entry$/);
});

test("attempt: lets a defect through, so that it traps", () => {
  const defect = new TypeError("defect");
  expect(() =>
    attempt(() => {
      throw defect;
    }),
  ).toThrow(defect);
  expect(errorCodeOf(defect)).toBeUndefined();
});

test("attempt: keeps a WASI error as it is", () => {
  const loop = failure("loop");
  expect(() =>
    attempt(() => {
      throw loop;
    }),
  ).toThrow(loop);
  expect(loop).toBeInstanceOf(WasiError);
});

test("filesystemErrorCode: tells a file stream's error from any other", () => {
  expect(filesystemErrorCode(new IoError("text", new FileStreamError("quota")))).toBe("quota");
  expect(filesystemErrorCode(new IoError("text", systemError("ENOENT")))).toBeUndefined();
  expect(filesystemErrorCode(new IoError("text"))).toBeUndefined();
});
