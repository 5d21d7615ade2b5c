import { WasmletError } from "../../common/errors.ts";
import { isLoopback, placeOf } from "./addresses.ts";

/** Decides whether a host may be spoken to in plain HTTP although it is not this machine. */
export type PlainHttpRule = (host: string) => boolean;

/**
 * Throws unless a registry may send us to `target`: OCI_REDIRECT for what is no address of the web or carries credentials,
 * OCI_INSECURE for plain HTTP to a host that is neither this machine nor named, and for a way from elsewhere into this
 * machine, whose ports trust their neighbours.
 */
export function checkReach(target: URL, from: URL, allowsPlainHttp: PlainHttpRule): void {
  const fail = (code: "OCI_INSECURE" | "OCI_REDIRECT", message: string, expected: string): never => {
    throw new WasmletError(code, message, { where: placeOf(from), actual: placeOf(target), expected });
  };
  if (target.protocol !== "https:" && target.protocol !== "http:") {
    fail("OCI_REDIRECT", "the registry points at something that is no address of the web", "an https:// address");
  }
  if (target.username !== "" || target.password !== "") {
    fail("OCI_REDIRECT", "the registry points at an address with credentials in it", "an address without credentials");
  }
  if (isLoopback(target.hostname)) {
    if (!isLoopback(from.hostname)) fail("OCI_INSECURE", "the registry points into this machine", "another host");
    return;
  }
  if (target.protocol === "http:" && !allowsPlainHttp(target.host)) {
    fail("OCI_INSECURE", "the registry points at a host in plain HTTP", "an https:// address");
  }
}
