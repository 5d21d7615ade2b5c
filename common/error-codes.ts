import type { ErrorCodeEntry } from "./error-code-entry.ts";
import { KUBE_ERROR_CODES } from "./kube-error-codes.ts";
import { OCI_ERROR_CODES } from "./oci-error-codes.ts";
import { ROLLOUT_ERROR_CODES } from "./rollout-error-codes.ts";

/** Every error code of Wasmlet, `<AREA>_<PROBLEM>`, grouped by area and sorted within it. */
export const ERROR_CODES = {
  // -- manifest: what a user wrote in YAML
  MANIFEST_ANNOTATION: {
    summary: "An annotation of Wasmlet has a value that it can't have.",
    fix: "Give it a value as docs/wasmapp.md describes, or remove it.",
  },
  MANIFEST_DUPLICATE_ENTRY: {
    summary: "Two entries of a list have the same key.",
    fix: "Remove or rename one of them.",
  },
  MANIFEST_DUPLICATE_KEY: {
    summary: "A mapping has the same key twice.",
    fix: "Remove one of the two: YAML readers disagree about which one counts.",
  },
  MANIFEST_ENUM: {
    summary: "A field has a value that is not among those it may have.",
    fix: "Use one of the values named in the message.",
  },
  MANIFEST_FORMAT: {
    summary: "A field has a value that is not written as the field expects it.",
    fix: "Write it as the message describes.",
  },
  MANIFEST_KIND: {
    summary: "A document is of a kind that Wasmlet does not read from a file.",
    fix: "Correct a mistyped kind or apiVersion; keep WasmApp (wasmlet.dev/v1alpha1), ConfigMap and Secret (v1) documents in the file, and apply others to a cluster.",
  },
  MANIFEST_MISSING_FIELD: {
    summary: "A field that must be there is missing.",
    fix: "Add the field.",
  },
  MANIFEST_OUT_OF_BOUNDS: {
    summary: "A number, text, list or mapping is larger or smaller than its field allows.",
    fix: "Keep it within the bounds named in the message.",
  },
  MANIFEST_RULE: {
    summary: "Fields that are valid one by one do not go together.",
    fix: "Change the fields as the message says.",
  },
  MANIFEST_SYNTAX: {
    summary: "The file is not valid YAML.",
    fix: "Correct the YAML at the line and column named.",
  },
  MANIFEST_TOO_DEEP: {
    summary: "A document is nested too deeply.",
    fix: "Remove the nesting: a WasmApp needs no more than ten levels.",
  },
  MANIFEST_TOO_LARGE: {
    summary: "A file is too large, has too many documents, or grows too large through YAML aliases.",
    fix: "Split the file, or write values out instead of using aliases.",
  },
  MANIFEST_TYPE: {
    summary: "A field has a value of the wrong type.",
    fix: "Give it a value of the type named in the message; put quotes around a text that looks like a number or a boolean.",
  },
  MANIFEST_UNKNOWN_FIELD: {
    summary: "A field has a name that its object does not know.",
    fix: "Correct the name or remove the field.",
  },
  // -- egress: the allow-list of outgoing traffic
  EGRESS_ENTRY_INVALID: {
    summary: "An entry of allowedOutboundHosts is not valid.",
    fix: "Write it as [scheme://]host[:port], where host is a name, *.name, an IP address, a CIDR block or *.",
  },
  // -- guests: the programs of examples/, built from source
  GUEST_BUILD_FAILED: {
    summary: "A guest of the examples could not be built from its source.",
    fix: "Run npm ci without --omit=dev, and read the output of the compiler in the message.",
  },
  // -- artifact: what is run
  ARTIFACT_CACHE_CORRUPT: {
    summary: "A prepared artifact in the cache is damaged.",
    fix: "Nothing: it is prepared again. If it happens again, check the disk.",
  },
  ARTIFACT_DIGEST_MISMATCH: {
    summary: "The artifact's bytes do not have the digest that the manifest names.",
    fix: "Correct spec.source.http.sha256, or find out who changed the artifact.",
  },
  ARTIFACT_FETCH_FAILED: {
    summary: "The artifact could not be fetched.",
    fix: "Check the URL and the network; it is tried again with a growing delay.",
  },
  ARTIFACT_IMPORT_NOT_OFFERED: {
    summary: "The artifact imports something that Wasmlet does not offer.",
    fix: "Build the artifact against WASI 0.2 or 0.3 interfaces (or preview 1 for core modules), or compose what it imports into it.",
  },
  ARTIFACT_INVALID: {
    summary: "The artifact is WebAssembly, but not valid: truncated, corrupt or malformed.",
    fix: "Build it again; `wasm-tools validate` says more.",
  },
  ARTIFACT_MEMORY_LIMIT: {
    summary: "The artifact asks for more memory at its start than limits.memory allows.",
    fix: "Raise spec.limits.memory (`wasmlet run --memory`), or build the artifact with a smaller initial memory.",
  },
  ARTIFACT_MISSING: {
    summary: "The artifact's file is not there or cannot be read.",
    fix: "Check the path (in a manifest: the annotation wasmlet.dev/source-path, where the app starts when the file appears).",
  },
  ARTIFACT_NOT_OFFERED: {
    summary: "The artifact uses a WebAssembly feature that Wasmlet does not offer.",
    fix: "Build it without the feature that the message names.",
  },
  ARTIFACT_NOT_WASM: {
    summary: "The artifact is not WebAssembly.",
    fix: "Name the .wasm file that the compiler wrote, not its source or an archive.",
  },
  ARTIFACT_TOO_LARGE: {
    summary: "The artifact, or the code generated for it, is larger than the node runtime accepts.",
    fix: "Build a smaller artifact: strip symbols, optimise for size.",
  },
  ARTIFACT_WRONG_WORLD: {
    summary: "The artifact does not export what the app's trigger calls.",
    fix: "Use the trigger that matches what the artifact exports; `wasmlet inspect FILE` shows both.",
  },
  // -- oci: registries, and artifacts in them
  ...OCI_ERROR_CODES,

  // -- kube: the Kubernetes API
  ...KUBE_ERROR_CODES,
  // -- prepare: the child process that compiles
  PREPARE_CRASHED: {
    summary: "The process that compiles artifacts died.",
    fix: "Nothing: it is tried again with a growing delay. An artifact that always does this is defective or hostile.",
  },
  PREPARE_LIMIT: {
    summary: "Compiling the artifact took more time or memory than the node runtime grants.",
    fix: "Build a smaller artifact, or raise the preparer's limits.",
  },
  // -- app: a WasmApp on this node
  APP_CONFLICT: {
    summary: "Two apps have the same namespace and name.",
    fix: "Rename one of them.",
  },
  APP_FIELD_NOT_SUPPORTED: {
    summary: "The manifest uses a field that this node runtime cannot honour yet.",
    fix: "Remove the field; it is refused rather than ignored.",
  },
  APP_FOLDER_MISSING: {
    summary: "A folder that the app is given is not there, is no folder or may not be opened.",
    fix: "Create the folder, or correct its path and permissions.",
  },
  APP_NOT_FOUND: {
    summary: "The node runtime has no app of that name.",
    fix: "See `wasmlet get apps` for those that it has; a manifest with a mistake is named there too.",
  },
  APP_PORT_CONFLICT: {
    summary: "Two apps ask for the same port.",
    fix: "Give one of them another port in the annotation wasmlet.dev/port; on a cluster, the operator does.",
  },
  APP_PORT_IN_USE: {
    summary: "The app's port is taken by another program.",
    fix: "Stop the other program or choose another port in the annotation wasmlet.dev/port.",
  },
  APP_QUARANTINED: {
    summary:
      "The app's guests ended the process that they ran in, repeatedly: it is kept alone and started again with a growing delay.",
    fix: "Correct the program: the log says how each cell died. A changed manifest lets it start at once, beside others.",
  },
  APP_REFERENCE_MISSING: {
    summary: "The app refers to a ConfigMap, Secret, key or field that is not there.",
    fix: "Add the object to the folder, or mark the reference optional.",
  },
  APP_VARIABLE_MISSING: {
    summary: "A Spin application needs a value for one of its variables, and is given none.",
    fix: "Set the environment variable that the message names in spec.env, from a Secret where it is secret.",
  },
  // -- guest: what a running program did
  GUEST_NO_RESPONSE: {
    summary: "The guest returned without answering the request.",
    fix: "Call response-outparam.set on every path of the guest's handler.",
  },
  GUEST_CPU_LIMIT: {
    summary: "A request took all the CPU time that limits.cpuTimePerRequest allows.",
    fix: "Make the guest compute less, or raise the limit.",
  },
  GUEST_ERROR: {
    summary: "The guest answered with an error code instead of a response.",
    fix: "See the guest's log for why.",
  },
  GUEST_RESPONSE_INCOMPLETE: {
    summary: "The guest's response ended before it was complete.",
    fix: "Finish the outgoing body on every path, with as many bytes as its content-length says.",
  },
  GUEST_START_TRAPPED: {
    summary: "The guest trapped while it was started, before any call.",
    fix: "See the guest's log; its start function or its initialisers fail.",
  },
  GUEST_TIMEOUT: {
    summary: "The guest did not answer within limits.requestTimeoutSeconds.",
    fix: "Make the guest faster or raise the limit.",
  },
  GUEST_TRAPPED: {
    summary: "The guest trapped.",
    fix: "See the guest's log for the panic message.",
  },
  // -- request: what a client sent
  REQUEST_AMBIGUOUS: {
    summary: "The request can be read in two ways by different HTTP parsers, so it is refused.",
    fix: "Send exactly one Host header and an unambiguous body length.",
  },
  REQUEST_EXPECTATION: {
    summary: "The request expects something of the server that it does not do.",
    fix: "Leave the Expect header out, or send Expect: 100-continue.",
  },
  REQUEST_METHOD: {
    summary: "The request's method is one that only a proxy serves.",
    fix: "Send the request without CONNECT.",
  },
  REQUEST_HEADERS_TOO_LARGE: {
    summary: "The request's headers are larger than the node runtime accepts.",
    fix: "Send fewer or smaller headers.",
  },
  REQUEST_BODY_TOO_LARGE: {
    summary: "The request's body is larger than the node runtime accepts.",
    fix: "Send a smaller body.",
  },
  REQUEST_MALFORMED: {
    summary: "The request is not valid HTTP/1.1.",
    fix: "Correct the client.",
  },
  REQUEST_NO_ROUTE: {
    summary: "No component of the Spin application has a route for the path.",
    fix: "Ask for a path that one has; `wasmlet inspect REF` shows their routes. A route `/...` takes all that others leave.",
  },
  REQUEST_OVERLOADED: {
    summary:
      "The app has no room for the request: its queue is full, no instance was free in time, or too many wait on the connection.",
    fix: "Try again later, with fewer requests on one connection; raise limits.concurrency or add replicas.",
  },
  REQUEST_RATE_LIMITED: {
    summary: "The app was asked more often than limits.requestsPerSecond allows on its node.",
    fix: "Try again after the seconds that Retry-After says, less often; raise limits.requestsPerSecond or add replicas.",
  },
  // -- runtime: the node runtime itself
  RUNTIME_CACHE: {
    summary: "The folder for artifacts cannot be written, or its disk is full.",
    fix: "Make room there, or give yourself the right to write, or name another folder with --cache-dir or WASMLET_CACHE.",
  },
  RUNTIME_CELL_LOST: {
    summary: "The process that ran the guest died.",
    fix: "Nothing: it is replaced at once.",
  },
  RUNTIME_FOLDER: {
    summary: "The folder of manifests cannot be read.",
    fix: "Check that it exists and is readable.",
  },
  RUNTIME_HAND_OVER: {
    summary: "The process that was to take over from a running `wasmlet serve` could not; the running one goes on.",
    fix: "Mend what the message names and send SIGHUP again.",
  },
  RUNTIME_PODS_MISSING: {
    summary: "The cluster has no pods of node runtimes, or none that you may see.",
    fix: "Check with `kubectl get pods -A -l wasmlet.dev/runtime`; where you may not list the pods of all namespaces, name Wasmlet's with --system-namespace.",
  },
  RUNTIME_PORT_IN_USE: {
    summary: "The management port is taken by another program.",
    fix: "Stop the other program, or choose another with --management-port.",
  },
  RUNTIME_UNREACHABLE: {
    summary: "No node runtime answers at the management address.",
    fix: "Start one with `wasmlet serve DIR`, or name its address with --address.",
  },
  // -- rollout: `kubectl wasmlet rollout`
  ...ROLLOUT_ERROR_CODES,
  // -- startup: the comparison of starts
  STARTUP_UNAVAILABLE: {
    summary: "None of the ways to start the program that were asked for is there on this machine.",
    fix: "Do what the reasons say, or ask for others with --technologies; `wasm-wake` runs everywhere.",
  },
  // -- config: the environment
  CONFIG_INVALID: {
    summary: "An environment variable of Wasmlet has a value that it can't have.",
    fix: "Set it as the message says, or unset it.",
  },
  // -- cli
  CLI_DEMO_INCOMPLETE: {
    summary: "An app of the demo did not answer.",
    fix: "Read the reason given for the app; `wasmlet get apps -o wide` shows more while the demo runs.",
  },
  CLI_FILE_UNREADABLE: {
    summary: "A file or folder named on the command line cannot be read.",
    fix: "Check that it exists and that you may read it.",
  },
  CLI_USAGE: {
    summary: "The command line is not valid.",
    fix: "See `wasmlet COMMAND --help`.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;

/** A stable error code, as listed in `docs/errors.md`. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Returns the code when it is one of ours, else `otherwise`: what another process sends may be anything. */
export function knownCode(code: string, otherwise: ErrorCode): ErrorCode {
  return Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : otherwise;
}
