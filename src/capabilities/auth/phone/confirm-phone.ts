/**
 * What a spent code means for the account of a phone number. As with mail: the code of a sign-up
 * keeps what came with it, any other shows that the holder of the number has arrived, and closes
 * what somebody else may have left open.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { createIdentityStore } from "../identities/identity-store.ts";
import { isEmailProven } from "../identities/prove-email.ts";
import { NOTHING_WAITS } from "../mailed/change-email.ts";
import type { SpentToken } from "../mailed/one-time-token.ts";
import { audit, publish } from "../record.ts";
import type { UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";
import { putPhoneIdentity } from "./store.ts";

type Opened = { readonly user: UserRow } | "otp_expired";

export async function confirmPhone(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  { sentTo, kind }: SpentToken,
): Promise<Opened> {
  if (user.phone !== sentTo) return "otp_expired";
  if (user.phone_confirmed_at) return { user };
  const now = state.now();
  const { ids } = state.deps;
  // Nothing of the account is known to be anybody's yet, and it was not this code that came with it.
  const isStrangers = kind !== "confirmation" && !isEmailProven(user);
  if (isStrangers) {
    await store.deleteSessions(user.id, {});
    await store.deleteIdentities(user.id);
    await createIdentityStore(tx).removeOtherWaysIn(user.id, now);
  }
  const confirmed = await store.updateUser(user.id, {
    phone_confirmed_at: now,
    ...(isStrangers ? { encrypted_password: null, ...NOTHING_WAITS } : {}),
    raw_user_meta_data: { ...user.raw_user_meta_data, phone_verified: true },
    updated_at: now,
  });
  const identity = { id: ids.uuid(), userId: user.id, phone: sentTo, verified: true, now };
  await putPhoneIdentity(tx, identity);
  await audit(state, store, caller, { id: user.id, name: sentTo }, "user_confirmed", {
    provider: "phone",
    removed_unproven_access: isStrangers,
  });
  await publish(state, tx, caller, "auth.phone_proven", user.id, { user_id: user.id });
  return { user: confirmed ?? user };
}
