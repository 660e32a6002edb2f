/**
 * Tells a person by mail that their second factors or passkeys changed: whoever took an account over
 * cannot settle in unnoticed (OWASP ASVS 5.0, 6.3.7). A factor that was proven from an account
 * without an address is told to nobody.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { queueMessage } from "../messages/queue-message.ts";
import type { UserRow } from "../schema.ts";
import type { FactorType } from "./schema.ts";

const NAMES = {
  totp: "authenticator app",
  webauthn: "security key",
  phone: "phone",
  recovery_code: "recovery codes",
  passkey: "passkey",
} as const satisfies Record<FactorType | "passkey", string>;

/** In the transaction of the change; call `state.outbox.wake` after the commit. */
export async function tellOfFactor(
  state: AuthState,
  caller: Caller,
  tx: TransactionSql,
  user: UserRow,
  type: keyof typeof NAMES,
  change: "enrolled" | "removed" | "replaced",
): Promise<void> {
  if (!user.email) return;
  const data = { factor_type: NAMES[type], change };
  await queueMessage(state, caller, tx, { kind: "mfa_changed", to: user.email, user, data });
}
