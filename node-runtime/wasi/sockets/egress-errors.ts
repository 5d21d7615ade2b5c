/** Thrown when the allow-list does not cover what a guest wants to reach. */
export class EgressDenied extends Error {
  override readonly name = "EgressDenied";
  readonly host: string;
  readonly port: number;
  /** `host`: no entry names it. `address`: the name is listed, but what it resolves to may not be reached. */
  readonly reason: "host" | "address";

  constructor(host: string, port: number, reason: "host" | "address") {
    super(`egress to ${host}:${port} is not allowed`);
    this.host = host;
    this.port = port;
    this.reason = reason;
  }
}

/** Thrown when an allowed name has no address, or none was learnt in time. */
export class LookupFailed extends Error {
  override readonly name = "LookupFailed";
  readonly host: string;
  readonly reason: "not-found" | "temporary" | "timeout";

  constructor(host: string, reason: "not-found" | "temporary" | "timeout", cause?: unknown) {
    super(`name look-up of ${host} failed: ${reason}`, cause === undefined ? undefined : { cause });
    this.host = host;
    this.reason = reason;
  }
}
