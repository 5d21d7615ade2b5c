import { WasmletError, messageOf } from "../../common/errors.ts";
import { cacheError, isSystemError } from "../artifacts/cache-error.ts";
import { prepareArtifact } from "./pipeline.ts";
import { readPrepareRequest, type PrepareReply } from "./protocol.ts";

// What a shim of jco's starts when it is imported was the one thread. Nothing is refused where a test starts a preparer.
process.permission?.drop("worker");

/** Entry point of a preparer process: one request, one reply, the end. */
process.once("message", async (raw) => {
  const request = readPrepareRequest(raw);
  if (request === undefined) process.exit(2);
  const reply = await prepareArtifact(request.file, request.directory).then(
    (): PrepareReply => ({ type: "prepared" }),
    (thrown: unknown): PrepareReply => ({ type: "refused", error: describe(thrown) }),
  );
  process.send!(reply, undefined, undefined, () => process.exit(0));
});
process.on("disconnect", () => process.exit(0));

function describe(thrown: unknown): Extract<PrepareReply, { type: "refused" }>["error"] {
  // A disk that is full says nothing about the artifact, and may have room in a moment.
  if (isSystemError(thrown)) return describe(cacheError("what is prepared cannot be kept", "", thrown));
  if (!(thrown instanceof WasmletError)) {
    return {
      code: "ARTIFACT_INVALID",
      message: `the artifact cannot be compiled: ${messageOf(thrown)}`.slice(0, 16_000),
    };
  }
  const { expected, actual } = thrown.details;
  return {
    code: thrown.code,
    message: thrown.message.slice(0, 16_000),
    ...(expected !== undefined && { expected: expected.slice(0, 16_000) }),
    ...(actual !== undefined && { actual: actual.slice(0, 16_000) }),
  };
}
