/** `wasi:http/types` resource `request-options`: time limits in nanoseconds; undefined means the host's own. */
export class RequestOptions {
  #connectNs: bigint | undefined;
  #firstByteNs: bigint | undefined;
  #betweenBytesNs: bigint | undefined;

  connectTimeout(): bigint | undefined {
    return this.#connectNs;
  }

  setConnectTimeout(ns: bigint | undefined): void {
    this.#connectNs = ns;
  }

  firstByteTimeout(): bigint | undefined {
    return this.#firstByteNs;
  }

  setFirstByteTimeout(ns: bigint | undefined): void {
    this.#firstByteNs = ns;
  }

  betweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytesNs;
  }

  setBetweenBytesTimeout(ns: bigint | undefined): void {
    this.#betweenBytesNs = ns;
  }
}
