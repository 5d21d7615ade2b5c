import type { KubeObject } from "../../kube/objects.ts";
import type { WasmAppObject } from "../objects.ts";

/** Returns whether an object is the app's: of this app, not of an earlier one with its name. */
export function isOwn({ metadata: { uid } }: WasmAppObject, { metadata }: KubeObject): boolean {
  return metadata.ownerReferences?.some((owner) => owner.uid === uid) === true;
}
