import { KubeError } from "./kube-error.ts";
import type { KubeObject } from "./objects.ts";
import type { Resource } from "./resources.ts";

/** One page of a list. */
export interface Page<T> {
  items: T[];
  /** The version of the whole list, for a watch to begin at. */
  resourceVersion: string;
  /** What asks for the next page; undefined on the last. */
  next: string | undefined;
}

const METADATA_FORM = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST_FORM = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/** Returns the Accept header for one object, or for events about objects. */
export function acceptObject({ view }: Resource<KubeObject>): string {
  return view === "metadata" ? `application/json;${METADATA_FORM}` : "application/json";
}

/** Returns the Accept header for a list. */
export function acceptList({ view }: Resource<KubeObject>): string {
  return view === "metadata" ? `application/json;${METADATA_LIST_FORM}` : "application/json";
}

/** Reads JSON; throws KUBE_REFUSED where it is none. */
export function readJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new KubeError("KUBE_REFUSED", `${what}: the answer is not JSON`, { cause: thrown });
  }
}

/** Reads an object as it came: it says its kind, as items of lists do not, and has no `managedFields`. */
export function readObject<T extends KubeObject>(resource: Resource<T>, value: unknown, what: string): T {
  const object = value as T | undefined;
  const metadata = object?.metadata as (T["metadata"] & { managedFields?: unknown }) | undefined;
  if (typeof metadata?.name !== "string" || typeof metadata.resourceVersion !== "string") {
    throw new KubeError("KUBE_REFUSED", `${what}: the answer is no object of the API`);
  }
  delete metadata.managedFields;
  object!.apiVersion = resource.apiVersion;
  object!.kind = resource.kind;
  return object!;
}

/** Reads one page of a list. */
export function readPage<T extends KubeObject>(resource: Resource<T>, text: string, what: string): Page<T> {
  const list = readJson(text, what) as
    | { items?: unknown[]; metadata?: { resourceVersion?: string; continue?: string } }
    | undefined;
  const { items, metadata } = list ?? {};
  // A list that was never written to has `items: null`.
  if (typeof metadata?.resourceVersion !== "string" || (items !== null && !Array.isArray(items))) {
    throw new KubeError("KUBE_REFUSED", `${what}: the answer is no list of the API`);
  }
  return {
    items: (items ?? []).map((item) => readObject(resource, item, what)),
    resourceVersion: metadata.resourceVersion,
    next: metadata.continue === "" ? undefined : metadata.continue,
  };
}
