import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { messageOf } from "../../../common/errors.ts";
import { HostClosedError } from "../errors.ts";
import { resultOf } from "./result.ts";
import { errorCodeOfThrown } from "./sockets/error-code.ts";

let unhandled: unknown[];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  unhandled = [];
  process.on("unhandledRejection", note);
});

afterEach(() => void process.off("unhandledRejection", note));

test("result: a known failure is an err, a success an ok", async () => {
  expect(await resultOf(Promise.resolve(1), messageOf)).toEqual({ tag: "ok", val: 1 });
  expect(await resultOf(Promise.reject(new Error("no")), messageOf)).toEqual({ tag: "err", val: "no" });
});

test("result: a trap reaches who reads it", async () => {
  const closed = new HostClosedError("the client went away");
  await expect(resultOf(Promise.reject(closed), errorCodeOfThrown)).rejects.toBe(closed);
});

test("result: a trap that nobody reads is not an unhandled rejection", async () => {
  void resultOf(Promise.reject(new HostClosedError("the client went away")), errorCodeOfThrown);
  await nextTurn();
  await nextTurn();
  expect(unhandled).toEqual([]);
});
