/** Why a component is not bound by the lean engine; caught by `planBinding`, which passes `message` on as the reason. */
export class NotLean extends Error {
  override readonly name = "NotLean";
}
