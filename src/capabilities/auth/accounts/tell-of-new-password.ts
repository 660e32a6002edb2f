/**
 * Tells a person by mail that their password was changed, at the address the account had: whoever
 * took an account over cannot change it unnoticed (OWASP ASVS 5.0, 6.3.7).
 */
import type { AuthState, Caller } from "../auth-state.ts";

/** Never fails the change, which is done: a mail that could not be sent is logged. */
export async function tellOfNewPassword(
  state: AuthState,
  caller: Caller,
  address: string | null,
): Promise<void> {
  if (address === null) return;
  const at = state.now().toISOString();
  try {
    await state.deps.mail.send(caller.tenant, {
      to: address,
      subject: "Your password was changed",
      text: `The password of your account was changed at ${at}. Your other sessions have been ended.\n\nIf this was not you, recover the account or tell whoever runs this service.\n`,
    });
  } catch (error) {
    caller.log.error("auth.mail_failed", { what: "password_changed", error });
  }
}
