import * as v from "valibot";
import { text } from "../../common/shapes.ts";

const Request = v.object({ file: text(4096), directory: text(4096) });

/** What the supervisor asks of a preparer: this artifact, into that empty folder. */
export type PrepareRequest = v.InferOutput<typeof Request>;

const Reply = v.variant("type", [
  v.object({ type: v.literal("prepared") }),
  v.object({
    type: v.literal("refused"),
    error: v.object({
      code: text(64),
      message: text(16_384),
      expected: v.optional(text(16_384)),
      actual: v.optional(text(16_384)),
    }),
  }),
]);

/** What a preparer answers, once, before it ends. */
export type PrepareReply = v.InferOutput<typeof Reply>;

/** Returns the message when it is a request. */
export function readPrepareRequest(message: unknown): PrepareRequest | undefined {
  return v.is(Request, message) ? message : undefined;
}

/** Returns the message when it is a reply. */
export function readPrepareReply(message: unknown): PrepareReply | undefined {
  return v.is(Reply, message) ? message : undefined;
}
