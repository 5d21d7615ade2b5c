import type { ErrorCodeEntry } from "./error-code-entry.ts";

/** The error codes of registries and of artifacts in them, sorted. */
export const OCI_ERROR_CODES = {
  OCI_ARCHIVE_INVALID: {
    summary: "A layer of the artifact cannot be unpacked: its compression or its tar archive is damaged.",
    fix: "Build and push the artifact again.",
  },
  OCI_ARCHIVE_UNSAFE: {
    summary: "A layer of the artifact has an entry that would leave its folder, or a link where a file is needed.",
    fix: "Build the image with the program as a plain file under a plain path.",
  },
  OCI_CONFIG_INVALID: {
    summary: "A docker configuration file, or a Secret of type kubernetes.io/dockerconfigjson, is not valid.",
    fix: "Correct it as the message says, or write it anew with `wasmlet login REGISTRY`.",
  },
  OCI_CREDENTIAL_HELPER: {
    summary: "The credential helper that the docker configuration names failed.",
    fix: "Install docker-credential-NAME and try it by hand, or remove it from credHelpers or credsStore.",
  },
  OCI_DIGEST_MISMATCH: {
    summary: "The registry sent bytes that do not have the digest they should have.",
    fix: "Nothing was kept. Push the artifact again, or find out who changes it on the way.",
  },
  OCI_INSECURE: {
    summary: "An artifact or credentials would travel in plain HTTP, or a registry points where it must not.",
    fix: "Serve the registry over HTTPS, or name its host with --plain-http where the network is trusted.",
  },
  OCI_LAYOUT_UNKNOWN: {
    summary: "The artifact holds nothing that can run here, or more than one thing that could.",
    fix: "Push one .wasm file with `wasmlet push FILE REF`; `wasmlet inspect REF` shows what is there.",
  },
  OCI_MANIFEST_INVALID: {
    summary: "The artifact's manifest or configuration is not valid, or is another kind of thing than it says.",
    fix: "Push the artifact again with a current tool.",
  },
  OCI_NOT_FOUND: {
    summary: "The registry has no such artifact, or does not show it without credentials.",
    fix: "Check the repository and the tag; log in with `wasmlet login REGISTRY` if it is private.",
  },
  OCI_POLICY_INVALID: {
    summary: "The policy for artifacts is not valid.",
    fix: "Correct it as the message says; docs/registries.md describes it.",
  },
  OCI_POLICY_REFUSED: {
    summary: "The policy does not allow the artifact.",
    fix: "Use an artifact that the rule named in the message allows, or change the policy.",
  },
  OCI_PUSH_REFUSED: {
    summary: "The registry refused what was pushed.",
    fix: "Read the registry's reason in the message; some refuse artifacts or overwriting a tag.",
  },
  OCI_RATE_LIMITED: {
    summary: "The registry answers no more requests for now.",
    fix: "Wait as long as the message says, or log in: limits are higher for users that are known.",
  },
  OCI_REDIRECT: {
    summary: "The registry redirects in a circle, too often, or to something that is no address.",
    fix: "Check the registry's storage settings.",
  },
  OCI_REFERENCE_INVALID: {
    summary: "The reference of an artifact is not valid.",
    fix: "Write it as [registry[:port]/]repository[:tag][@sha256:digest], without a scheme.",
  },
  OCI_RESPONSE_INVALID: {
    summary: "The registry answered in a way that the distribution specification does not know.",
    fix: "Check that the address is that of a registry and not of a web page or proxy before it.",
  },
  OCI_SIZE_MISMATCH: {
    summary: "The registry sent more or fewer bytes than the manifest says.",
    fix: "Nothing was kept. Push the artifact again, or find out what changes it on the way.",
  },
  OCI_TOO_LARGE: {
    summary: "The artifact, its manifest or what it unpacks to is larger than is accepted.",
    fix: "Push a smaller artifact; an image needs nothing but the program.",
  },
  OCI_TRANSFER_FAILED: {
    summary: "A transfer from or to the registry broke off or stalled, again and again.",
    fix: "Check the network; it is tried again with a growing delay.",
  },
  OCI_UNAUTHORIZED: {
    summary: "The registry refuses the credentials, or wants some.",
    fix: "Log in with `wasmlet login REGISTRY`, or name a Secret in spec.source.oci.imagePullSecrets.",
  },
  OCI_UNREACHABLE: {
    summary: "The registry does not answer.",
    fix: "Check its name, the network, the proxy and its certificate; it is tried again with a growing delay.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;
