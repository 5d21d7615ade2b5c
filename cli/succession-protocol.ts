import * as v from "valibot";
import { integer, listOf, text } from "../common/shapes.ts";

/*
 * How `wasmlet serve` is replaced by its successor without a refused connection. The process that was started stays, as the
 * parent that a shell, npm or a container engine knows; from the first SIGHUP on, the runtime is in a child of it:
 *
 *   front                                     successor, a child with the same command line
 *     │ ── inherit: ports ──────────────────────▶ │  starts its cells on the same ports (reusePort)
 *     │ ◀────────────────────────────── ready ── │  or `failed`, and all stays as it was
 *     │   the old runtime lets go of its claims   │
 *     │ ── take-over ───────────────────────────▶ │  claims the ports
 *     │   the old runtime drains and ends         │
 *     │ ── alone ───────────────────────────────▶ │  runs commands
 *
 * At the next SIGHUP the old runtime is itself a child: `tell-ports`, `step-down` and its end stand for the same steps.
 */

const Ports = v.object({
  management: integer(0, 65_535),
  apps: listOf(v.object({ id: text(200), port: integer(0, 65_535), isReady: v.boolean() }), 100_000),
});

const ToSuccessor = v.variant("type", [
  v.object({ type: v.literal("inherit"), ports: Ports }),
  v.object({ type: v.literal("take-over") }),
  v.object({ type: v.literal("alone") }),
  v.object({ type: v.literal("tell-ports") }),
  v.object({ type: v.literal("step-down") }),
  v.object({ type: v.literal("stop"), signal: v.picklist(["SIGINT", "SIGTERM"]) }),
]);

const FromSuccessor = v.variant("type", [
  v.object({ type: v.literal("ready") }),
  v.object({ type: v.literal("failed"), message: text(8192) }),
  v.object({ type: v.literal("ports"), ports: Ports }),
  v.object({ type: v.literal("released") }),
]);

/** What a successor is told. */
export type ToSuccessor = v.InferOutput<typeof ToSuccessor>;

/** What a successor tells. */
export type FromSuccessor = v.InferOutput<typeof FromSuccessor>;

/** Returns the message when it is one that a successor understands. */
export function readToSuccessor(message: unknown): ToSuccessor | undefined {
  return v.is(ToSuccessor, message) ? message : undefined;
}

/** Returns the message when it is one that a successor may send. */
export function readFromSuccessor(message: unknown): FromSuccessor | undefined {
  return v.is(FromSuccessor, message) ? message : undefined;
}
