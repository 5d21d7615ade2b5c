import { messageOf } from "../../common/errors.ts";

/** Returns the first line of what a tool says of bad input: jco throws strings, errors and component errors alike. */
export function firstLine(thrown: unknown): string {
  const payload = (thrown as { payload?: unknown } | null)?.payload ?? thrown;
  return messageOf(payload).split("\n")[0]!.slice(0, 500);
}
