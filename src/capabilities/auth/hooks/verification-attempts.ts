/** The hooks after a password or a second factor was checked: they count, and may refuse. */
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { audit } from "../record.ts";
import { inTransaction } from "../store.ts";
import { runHook } from "./run-hook.ts";

/** In place of an id where there is no account, so that its sign-in takes as long. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

/**
 * @param userId null: no such account. The hook then runs for the nil UUID.
 * @throws invalid_credentials with the hook's message when it rejects; what the hook answers in `error`
 */
export async function passwordAttempt(
  state: AuthState,
  caller: Caller,
  userId: string | null,
  valid: boolean,
): Promise<void> {
  const { tenant, address } = caller;
  const payload = { user_id: userId ?? NOBODY, valid };
  const name = "password_verification_attempt";
  const output = await runHook(state, tenant, name, payload, address);
  if (output?.["decision"] !== "reject") return;
  if (output["should_logout_user"] === true && userId !== null) {
    await endSessions(state, caller, userId);
  }
  throw authErrors.password_attempt_rejected(textOf(output["message"]));
}

/**
 * @param attempt `factorType` as in the factors table: `totp`, `phone`, `webauthn`.
 * @throws mfa_verification_rejected with the hook's message; every session of the person has then ended
 */
export async function mfaAttempt(
  state: AuthState,
  caller: Caller,
  attempt: { userId: string; factorId: string; factorType: string; valid: boolean },
): Promise<void> {
  const { userId, factorId, factorType, valid } = attempt;
  const payload = { user_id: userId, factor_id: factorId, factor_type: factorType, valid };
  const { tenant, address } = caller;
  const output = await runHook(state, tenant, "mfa_verification_attempt", payload, address);
  if (output?.["decision"] !== "reject") return;
  await endSessions(state, caller, userId);
  throw authErrors.mfa_verification_rejected(textOf(output["message"]));
}

async function endSessions(state: AuthState, caller: Caller, userId: string): Promise<void> {
  await inTransaction(state.sql(caller.tenant), async (store) => {
    await store.deleteSessions(userId, {});
    await audit(state, store, caller, { id: userId, name: "" }, "logout", {
      scope: "global",
      reason: "hook",
    });
  });
}

const textOf = (value: unknown) => (typeof value === "string" ? value.slice(0, 1000) : "");
