import type { ErrorCode } from "../../common/error-codes.ts";
import { WasmletError } from "../../common/errors.ts";
import type { ArtifactRegistry } from "../../oci/pull.ts";
import { formatReference, type Reference } from "../../oci/reference.ts";

/** When a registry is asked, as Kubernetes has it. */
export type PullPolicy = "Always" | "IfNotPresent" | "Never";

const AWAY: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["OCI_RATE_LIMITED", "OCI_TRANSFER_FAILED", "OCI_UNREACHABLE"]);

/** Returns the policy of a reference that comes without one. */
export function defaultPolicy({ tag, digest }: Reference): PullPolicy {
  return digest === undefined && tag === "latest" ? "Always" : "IfNotPresent";
}

/** True for errors of a registry that is away, as opposed to one that says no. */
export function isAway({ code }: WasmletError): boolean {
  return AWAY.has(code);
}

/** A registry for those who may ask none: everything is ARTIFACT_MISSING. */
export const NOBODY: ArtifactRegistry = {
  manifest: (reference) => Promise.reject(notKept(reference)),
  blob: (reference) => Promise.reject(notKept(reference)),
  hasBlob: () => Promise.resolve(false),
  referrers: () => Promise.resolve([]),
};

function notKept(reference: Reference): WasmletError {
  return new WasmletError("ARTIFACT_MISSING", "the artifact is not on this node, and imagePullPolicy is Never", {
    where: formatReference(reference),
    fix: "Pull it with `wasmlet pull REF`, or change spec.source.oci.imagePullPolicy.",
  });
}

/** The error of an app that may ask no registry whether it may have what others pulled. */
export function pulledByOthers(reference: Reference): WasmletError {
  return new WasmletError(
    "ARTIFACT_MISSING",
    "the artifact was pulled to this node with other credentials, and imagePullPolicy is Never",
    {
      where: formatReference(reference),
      fix: "Give the app the pull secret that the artifact needs, or change spec.source.oci.imagePullPolicy.",
    },
  );
}
