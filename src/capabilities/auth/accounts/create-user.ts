/**
 * Makes an account: row, identity, audit entry and event in the caller's transaction. Sign-up and
 * the admin route both end here.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import type { IdentityRow, JsonObject, UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";

export interface UserDraft {
  readonly id: string;
  /** Normalised. */
  readonly email: string;
  readonly passwordHash: string;
  readonly role: string;
  readonly confirmed: boolean;
  readonly userMetadata: JsonObject;
  readonly appMetadata: JsonObject;
  readonly bannedUntil: Date | null;
}

export interface CreatedUser {
  readonly user: UserRow;
  readonly identities: readonly IdentityRow[];
}

/** Null when the address or the id is taken. */
export async function createUser(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  draft: UserDraft,
): Promise<CreatedUser | null> {
  const { deps } = state;
  const now = state.now();
  const { id } = draft;
  const inserted = await store.insertUser({
    id,
    role: draft.role,
    email: draft.email,
    encrypted_password: draft.passwordHash,
    email_confirmed_at: draft.confirmed ? now : null,
    raw_app_meta_data: { provider: "email", providers: ["email"], ...draft.appMetadata },
    raw_user_meta_data: { ...draft.userMetadata },
    banned_until: draft.bannedUntil,
    now,
  });
  if (!inserted) return null;
  await store.putEmailIdentity(deps.ids.uuid(), id, draft.email, draft.confirmed, now);
  const audit = {
    action: "user_signedup",
    actorId: caller.isService ? null : id,
    actorName: caller.isService ? "service_role" : draft.email,
    address: caller.address,
    traits: { user_id: id, provider: "email" },
  };
  await store.audit(deps.ids.uuid(), audit, now);
  const data = { user_id: id, email: draft.email, confirmed: draft.confirmed };
  await deps.events.append(caller.tenant, tx, [{ type: "auth.user_created", subject: id, data }]);
  // Triggers on auth.users may have written to the row as it went in.
  const user = (await store.findUserById(id)) ?? inserted;
  return { user, identities: await store.identitiesOf([id]) };
}
