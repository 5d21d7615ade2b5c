import type { WasmletError } from "../../common/errors.ts";
import type { HttpResponse } from "./transport.ts";

/** Reads a body to its end; when it is larger than `maxBytes`, hangs up and throws what `tooLarge` says. */
export async function readBody(
  response: HttpResponse,
  maxBytes: number,
  tooLarge: () => WasmletError,
): Promise<Uint8Array> {
  if (Number(response.header("content-length") ?? 0) > maxBytes) {
    response.discard();
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (thrown) {
    response.discard();
    throw thrown;
  }
  return Buffer.concat(chunks);
}
