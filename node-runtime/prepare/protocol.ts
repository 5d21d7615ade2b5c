import { Type, type Static } from "../../common/schema.ts";

const Request = Type.Object({ file: Type.String({ maxLength: 4096 }), directory: Type.String({ maxLength: 4096 }) });

/** What the supervisor asks of a preparer: this artifact, into that empty folder. */
export type PrepareRequest = Static<typeof Request>;

const Reply = Type.Union([
  Type.Object({ type: Type.Literal("prepared") }),
  Type.Object({
    type: Type.Literal("refused"),
    error: Type.Object({
      code: Type.String({ maxLength: 64 }),
      message: Type.String({ maxLength: 16_384 }),
      expected: Type.Optional(Type.String({ maxLength: 16_384 })),
      actual: Type.Optional(Type.String({ maxLength: 16_384 })),
    }),
  }),
]);

/** What a preparer answers, once, before it ends. */
export type PrepareReply = Static<typeof Reply>;

/** Returns the message when it is a request. */
export function readPrepareRequest(message: unknown): PrepareRequest | undefined {
  return Request.accepts(message) ? message : undefined;
}

/** Returns the message when it is a reply. */
export function readPrepareReply(message: unknown): PrepareReply | undefined {
  return Reply.accepts(message) ? message : undefined;
}
