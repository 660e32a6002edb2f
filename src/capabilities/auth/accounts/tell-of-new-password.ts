/**
 * Tells a person by mail that their password was changed, at the address the account had: whoever
 * took an account over cannot change it unnoticed (OWASP ASVS 5.0, 6.3.7).
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { sendMessage } from "../messages/send-message.ts";
import type { UserRow } from "../schema.ts";

/** Never fails the change, which is done: a mail that could not be sent is logged. */
export async function tellOfNewPassword(
  state: AuthState,
  caller: Caller,
  user: UserRow,
): Promise<void> {
  if (!user.email) return;
  await sendMessage(state, caller, { kind: "password_changed", to: user.email, user });
}
