/** Thrown for a module that may well be valid but uses what is not read here; the message is the reason, a noun phrase. */
export class UnsupportedModule extends Error {
  override readonly name = "UnsupportedModule";
}
