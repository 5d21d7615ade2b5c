/** A failure of the test cluster: what went wrong, and what to do. Its codes are no codes of Wasmlet: users never see them. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly code: ClusterErrorCode;
  readonly fix: string;

  constructor(code: ClusterErrorCode, message: string, fix: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.fix = fix;
  }
}

/** What can go wrong. */
export type ClusterErrorCode =
  | "CLUSTER_ADDRESS_TAKEN"
  | "CLUSTER_ALREADY_UP"
  | "CLUSTER_BUILD_FAILED"
  | "CLUSTER_COMMAND_FAILED"
  | "CLUSTER_DAEMON_ENDED"
  | "CLUSTER_FOREIGN"
  | "CLUSTER_IN_USE"
  | "CLUSTER_NOT_BUILT"
  | "CLUSTER_NOT_POSSIBLE"
  | "CLUSTER_NOT_UP"
  | "CLUSTER_TIMEOUT"
  | "CLUSTER_TRACES_LEFT";
