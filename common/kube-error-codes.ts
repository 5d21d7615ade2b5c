import type { ErrorCodeEntry } from "./error-code-entry.ts";

/** The error codes of the Kubernetes API, sorted. */
export const KUBE_ERROR_CODES = {
  KUBE_CONFIG_INVALID: {
    summary: "What says how to reach the API server, a kubeconfig file or a pod's ServiceAccount, cannot be used.",
    fix: "Check the file with `kubectl --kubeconfig FILE get nodes`; in a pod, mount the ServiceAccount's token.",
  },
  KUBE_CONFLICT: {
    summary: "The object was changed by somebody else meanwhile, or exists already.",
    fix: "It is read and tried again; if it stays, find the other manager in the object's metadata.managedFields.",
  },
  KUBE_EXPIRED: {
    summary: "The API server no longer has the version of the list that was asked for.",
    fix: "The list is read anew; nothing needs to be done.",
  },
  KUBE_FORBIDDEN: {
    summary: "The API server does not know who asks, or does not allow it.",
    fix: "Check the Role and the binding of the ServiceAccount with `kubectl auth can-i`.",
  },
  KUBE_INVALID: {
    summary: "The API server does not accept the object.",
    fix: "Correct the fields that the message names.",
  },
  KUBE_NOT_FOUND: {
    summary: "The API server has no such object, namespace or kind of object.",
    fix: "Check the name; if the kind is missing, install its CustomResourceDefinition.",
  },
  KUBE_REFUSED: {
    summary: "The API server gave another answer than was asked for.",
    fix: "Read its reason in the message; it is tried again with a growing delay.",
  },
  KUBE_UNREACHABLE: {
    summary: "The API server does not answer, or broke off.",
    fix: "Check its address, the network and its certificate; it is tried again with a growing delay.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;
