/**
 * Tells a person by mail that their second factors or passkeys changed: whoever took an account over
 * cannot settle in unnoticed (OWASP ASVS 5.0, 6.3.7). A factor that was proven from an account
 * without an address is told to nobody.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { sendMessage } from "../messages/send-message.ts";
import type { UserRow } from "../schema.ts";
import type { FactorType } from "./schema.ts";

const NAMES = {
  totp: "authenticator app",
  webauthn: "security key",
  phone: "phone",
  recovery_code: "recovery codes",
  passkey: "passkey",
} as const satisfies Record<FactorType | "passkey", string>;

/** Leaves after the answer; the change is done whatever becomes of the mail. */
export async function tellOfFactor(
  state: AuthState,
  caller: Caller,
  user: UserRow,
  type: keyof typeof NAMES,
  change: "enrolled" | "removed" | "replaced",
): Promise<void> {
  if (!user.email) return;
  const data = { factor_type: NAMES[type], change };
  await sendMessage(state, caller, { kind: "mfa_changed", to: user.email, user, data });
}
