import { ResponseOutparam, type OnInformational, type ResponseOutcome } from "./response.ts";

/** Returns the guest's `response-outparam` and the promise of what it is set to (pending for ever when it never is). */
export function createResponseOutparam(onInformational?: OnInformational): {
  outparam: ResponseOutparam;
  outcome: Promise<ResponseOutcome>;
} {
  const { promise, resolve } = Promise.withResolvers<ResponseOutcome>();
  return { outparam: new ResponseOutparam(resolve, onInformational), outcome: promise };
}
