/**
 * What a spent token of a mailbox means for the account. A confirmation belongs to the sign-up that
 * sent it and keeps what came with it; any other mail shows that the holder of the address has
 * arrived, and closes what somebody else may have left open (`identities/prove-email.ts`).
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { isEmailProven, proveEmail } from "../identities/prove-email.ts";
import { providersPatch } from "../identities/providers-of.ts";
import { actorOf, audit, publish } from "../record.ts";
import type { UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";
import type { SpentToken } from "./one-time-token.ts";

type Opened = { readonly user: UserRow } | "otp_expired";

/** The end of a sign-up. */
export async function confirmAccount(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  { sentTo }: SpentToken,
): Promise<Opened> {
  if (user.email !== sentTo) return "otp_expired";
  const now = state.now();
  const { ids } = state.deps;
  const patch = {
    email_confirmed_at: user.email_confirmed_at ?? now,
    proven_email: sentTo,
    raw_user_meta_data: { ...user.raw_user_meta_data, email_verified: true },
    updated_at: now,
  };
  const confirmed = (await store.updateUser(user.id, patch)) ?? user;
  await store.putEmailIdentity(ids.uuid(), user.id, sentTo, true, now);
  await audit(state, store, caller, actorOf(user), "user_confirmed");
  await publish(state, tx, caller, "auth.email_proven", user.id, { user_id: user.id });
  return { user: confirmed };
}

/** A sign-in by mail: a magic link, a recovery, an invitation. */
export async function openByMail(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  { sentTo }: SpentToken,
): Promise<Opened> {
  if (user.email !== sentTo) return "otp_expired";
  if (isEmailProven(user)) return { user };
  const now = state.now();
  const proven = await proveEmail(state, store, tx, caller, user);
  await store.putEmailIdentity(state.deps.ids.uuid(), user.id, sentTo, true, now);
  // Metadata opens no door, and an invitation or an earlier sign-up of the same person put it there.
  const kept = { ...user.raw_user_meta_data, email: sentTo, email_verified: true };
  const ways = providersPatch(proven, await store.identitiesOf([user.id]));
  const patch = { ...ways, raw_user_meta_data: { ...kept, sub: user.id }, updated_at: now };
  return { user: (await store.updateUser(user.id, patch)) ?? proven };
}
