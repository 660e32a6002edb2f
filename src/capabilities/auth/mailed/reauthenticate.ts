/**
 * `GET /auth/v1/reauthenticate`: sends a signed-in person a code that proves, at a change of the
 * password, that it is still them (OWASP ASVS 5.0, 7.5.1).
 */
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { queueMessage, queueText } from "../messages/queue-message.ts";
import type { UserRow } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { auditRequest } from "./audit-request.ts";
import { limitMessages } from "./limit-messages.ts";
import { createOneTimeToken, spendCode } from "./one-time-token.ts";

/** @throws validation_failed for who has neither address nor number, over_email_send_rate_limit, … */
export async function reauthenticate(
  state: AuthState,
  caller: Caller,
  { user }: CurrentUser,
): Promise<void> {
  const limit = state.config.rate_limit_user_update;
  await limitByIdentity(state, caller, "reauthenticate", user.id, limit);
  const to = reauthenticationAddress(user);
  if (to === null) throw authErrors.no_address();
  await limitMessages(state, caller, user.email ? "email" : "sms", to);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const now = state.now();
    await store.updateUser(user.id, { reauthentication_sent_at: now, updated_at: now });
    await auditRequest(state, store, caller, "user_reauthenticate_requested", user, to);
    const request = { userId: user.id, kind: "reauthentication", sentTo: to } as const;
    const { otp } = await createOneTimeToken(state, caller, tx, request);
    const message = { kind: "reauthentication", type: "reauthentication", to, user, otp } as const;
    await (user.email ? queueMessage : queueText)(state, caller, tx, message);
  });
  state.outbox.wake(caller.tenant);
}

/**
 * Spends the code; a wrong one counts. In a transaction of its own, because what it is for may fail.
 * @throws reauthentication_not_valid
 */
export async function spendNonce(
  state: AuthState,
  caller: Caller,
  user: UserRow,
  nonce: string,
): Promise<void> {
  const sentTo = reauthenticationAddress(user) ?? "";
  const spent = await inTransaction(state.sql(caller.tenant), (_, tx) =>
    spendCode(state, caller, tx, {
      kinds: ["reauthentication"],
      sentTo,
      otp: nonce,
      userId: user.id,
    }),
  );
  if (!spent) throw authErrors.reauthentication_not_valid();
}

function reauthenticationAddress({ email, phone, phone_confirmed_at: at }: UserRow): string | null {
  return email || (at ? phone : null) || null;
}
