/**
 * Tells a person by mail that their password was changed, at the address the account had: whoever
 * took an account over cannot change it unnoticed (OWASP ASVS 5.0, 6.3.7).
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { queueMessage } from "../messages/queue-message.ts";
import type { UserRow } from "../schema.ts";

/** In the transaction of the change. @param user as the account was. */
export async function tellOfNewPassword(
  state: AuthState,
  caller: Caller,
  tx: TransactionSql,
  user: UserRow,
): Promise<void> {
  if (!user.email) return;
  await queueMessage(state, caller, tx, { kind: "password_changed", to: user.email, user });
}
