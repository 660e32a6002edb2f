/** Which tokens the `type` of a verification may spend: GoTrue's names, and no token for another's. */
import { authErrors } from "../errors.ts";
import type { TokenKind } from "./one-time-token.ts";

/**
 * Who asks for a code by mail is not told whether that was a sign-up, so `email` and `magiclink`
 * take both.
 */
const BY_MAIL: ReadonlyMap<string, readonly TokenKind[]> = new Map([
  ["signup", ["confirmation"]],
  ["invite", ["invite"]],
  ["magiclink", ["magiclink", "confirmation"]],
  ["email", ["magiclink", "confirmation"]],
  ["recovery", ["recovery"]],
  ["email_change", ["email_change_new", "email_change_current"]],
]);
const BY_PHONE: ReadonlyMap<string, readonly TokenKind[]> = new Map([
  ["sms", ["phone", "confirmation"]],
  ["phone_change", ["phone_change"]],
]);

/** @throws validation_failed */
export function kindsOf(type: string, channel: "email" | "phone"): readonly TokenKind[] {
  if (type === "") throw authErrors.validation_failed("Verify requires a verification type");
  const kinds = (channel === "email" ? BY_MAIL : BY_PHONE).get(type);
  if (kinds) return kinds;
  throw authErrors.validation_failed(
    channel === "email" ? "Invalid email verification type" : "Invalid sms verification type",
  );
}
