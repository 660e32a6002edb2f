/**
 * Makes an account: row, identity, audit entry and event in the caller's transaction. Sign-up and
 * the admin route both end here.
 */
import type { TransactionSql } from "postgres";
import type { Ids } from "../../../core/ports/ids.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { createIdentityStore } from "../identities/identity-store.ts";
import { putPhoneIdentity } from "../phone/store.ts";
import { actorOf, audit, publish, SERVICE } from "../record.ts";
import type { IdentityRow, JsonObject, NewUser, UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";

export interface UserDraft {
  readonly id: string;
  /** Normalised; null = none. */
  readonly email: string | null;
  /** Null = no password. */
  readonly passwordHash: string | null;
  readonly role: string;
  readonly confirmed: boolean;
  readonly userMetadata: JsonObject;
  readonly appMetadata: JsonObject;
  readonly bannedUntil: Date | null;
  /** The address is known to be the person's, see `prove-email.ts`. Default false. */
  readonly proven?: boolean;
  /** Digits, as stored; absent = none. */
  readonly phone?: string | null;
  readonly phoneConfirmed?: boolean;
  /** Nobody vouches for anything: there is no identity. */
  readonly isAnonymous?: boolean;
  /** Something was sent by which the address or number can be confirmed. */
  readonly confirmationSent?: boolean;
  readonly invited?: boolean;
  /** Who else vouches for the person; absent = the address is the identity. */
  readonly identity?: {
    readonly provider: string;
    readonly providerId: string;
    readonly data: JsonObject;
    /** Their address may be that of another account. */
    readonly isSso: boolean;
  };
}

export interface CreatedUser {
  readonly user: UserRow;
  readonly identities: readonly IdentityRow[];
}

/** Null when the address, the number or the id is taken. */
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
  const providers = providersOf(draft);
  const inserted = await store.insertUser(rowOf(draft, providers, now));
  if (!inserted) return null;
  await putIdentity(deps.ids, store, tx, draft, now);
  const by = caller.isService ? SERVICE : actorOf(draft);
  const provider = providers[0] ?? "anonymous";
  await audit(state, store, caller, by, "user_signedup", { user_id: id, provider });
  const confirmed = draft.confirmed || draft.phoneConfirmed === true;
  const data = { user_id: id, email: draft.email, confirmed };
  await publish(state, tx, caller, "auth.user_created", id, data);
  // Triggers on auth.users may have written to the row as it went in.
  const user = (await store.findUserById(id)) ?? inserted;
  return { user, identities: await store.identitiesOf([id]) };
}

/** Oldest first; none of an anonymous person. */
function providersOf({ email, phone, identity }: UserDraft): readonly string[] {
  if (identity) return [identity.provider];
  return [...(email === null ? [] : ["email"]), ...(phone ? ["phone"] : [])];
}

function rowOf(draft: UserDraft, providers: readonly string[], now: Date): NewUser {
  const when = (flag: boolean | undefined) => (flag ? now : null);
  const [provider] = providers;
  const ways = provider === undefined ? {} : { provider, providers: [...providers] };
  return {
    id: draft.id,
    role: draft.role,
    email: draft.email,
    encrypted_password: draft.passwordHash,
    email_confirmed_at: when(draft.confirmed && draft.email !== null),
    proven_email: draft.proven ? draft.email : null,
    phone: draft.phone ?? null,
    phone_confirmed_at: when(draft.phoneConfirmed),
    is_sso_user: draft.identity?.isSso ?? false,
    is_anonymous: draft.isAnonymous ?? false,
    confirmation_sent_at: when(draft.confirmationSent),
    invited_at: when(draft.invited),
    raw_app_meta_data: { ...ways, ...draft.appMetadata },
    raw_user_meta_data: { ...draft.userMetadata },
    banned_until: draft.bannedUntil,
    now,
  };
}

async function putIdentity(
  ids: Ids,
  store: AuthStore,
  tx: TransactionSql,
  draft: UserDraft,
  now: Date,
): Promise<void> {
  const { id, email, phone, confirmed, identity } = draft;
  if (identity) {
    const { provider, providerId, data } = identity;
    const row = { id: ids.uuid(), userId: id, provider, providerId, data, now };
    await createIdentityStore(tx).insert(row);
    return;
  }
  if (email !== null) await store.putEmailIdentity(ids.uuid(), id, email, confirmed, now);
  if (!phone) return;
  const verified = draft.phoneConfirmed ?? false;
  await putPhoneIdentity(tx, { id: ids.uuid(), userId: id, phone, verified, now });
}
