import { WasiError } from "../../errors.ts";
import { RequestOptions as RequestOptions2 } from "../../http/request-options.ts";

/** `wasi:http/types` resource `request-options` of WASI 0.3: immutable once a request owns it. */
export class RequestOptions extends RequestOptions2 {
  #immutable = false;

  getConnectTimeout(): bigint | undefined {
    return this.connectTimeout();
  }

  override setConnectTimeout(ns: bigint | undefined): void {
    this.#assertMutable();
    super.setConnectTimeout(ns);
  }

  getFirstByteTimeout(): bigint | undefined {
    return this.firstByteTimeout();
  }

  override setFirstByteTimeout(ns: bigint | undefined): void {
    this.#assertMutable();
    super.setFirstByteTimeout(ns);
  }

  getBetweenBytesTimeout(): bigint | undefined {
    return this.betweenBytesTimeout();
  }

  override setBetweenBytesTimeout(ns: bigint | undefined): void {
    this.#assertMutable();
    super.setBetweenBytesTimeout(ns);
  }

  /** Returns a mutable copy. */
  clone(): RequestOptions {
    const copy = new RequestOptions();
    copy.setConnectTimeout(this.connectTimeout());
    copy.setFirstByteTimeout(this.firstByteTimeout());
    copy.setBetweenBytesTimeout(this.betweenBytesTimeout());
    return copy;
  }

  /** Makes the options immutable; returns them. */
  freeze(): this {
    this.#immutable = true;
    return this;
  }

  #assertMutable(): void {
    if (this.#immutable) throw new WasiError({ tag: "immutable" });
  }
}
