import type { KubeObject } from "../../kube/objects.ts";

/** Returns whether an object is its owner's: of this app, say, not of an earlier one with its name. */
export function isOwn({ metadata: { uid } }: KubeObject, { metadata }: KubeObject): boolean {
  return metadata.ownerReferences?.some((owner) => owner.uid === uid) === true;
}
