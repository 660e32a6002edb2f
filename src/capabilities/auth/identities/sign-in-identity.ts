/**
 * The one rule book that turns an identity of somebody else's making into a person of ours:
 *
 * 1. An identity that is known (provider and its id, never the address) is its person.
 * 2. A new one with an address that its provider verified joins the account with that address. If
 *    that account never proved the address, everything in it that lets anybody in goes first.
 * 3. Otherwise a new account is made. An address that nobody verified is not taken for the person's:
 *    such an account has none, and is only made where the provider's settings allow it.
 *
 * People of a SAML provider (`sso:…`) stay among themselves: rule 2 never applies to them.
 */

import type { TransactionSql } from "postgres";
import { createUser } from "../accounts/create-user.ts";
import { isBanned } from "../accounts/is-banned.ts";
import { normalizeEmail } from "../accounts/normalize-email.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { beforeUserCreated } from "../hooks/before-user-created.ts";
import { actorOf, audit, publish } from "../record.ts";
import type { IdentityRow, UserRow } from "../schema.ts";
import { type AuthStore, createStore } from "../store.ts";
import { type ExternalIdentity, isSso, profileOf, withProfile } from "./external-identity.ts";
import { createIdentityStore } from "./identity-store.ts";
import { isEmailProven, proveEmail } from "./prove-email.ts";
import { providersPatch } from "./providers-of.ts";

export interface IdentitySignIn {
  readonly user: UserRow;
  /** `linked`: a new way into an account that was there. */
  readonly outcome: "known" | "linked" | "created";
}

interface Scope {
  readonly state: AuthState;
  readonly store: AuthStore;
  readonly tx: TransactionSql;
  readonly caller: Caller;
  readonly identity: ExternalIdentity;
  readonly admission: Admission;
  /** Normalised, and verified by the provider; else null. */
  readonly email: string | null;
}

/** What was asked before the transaction; see `admitIdentity`. */
export interface Admission {
  /** The id that a new person gets; null: it was found that nobody new comes. */
  readonly userId: string | null;
}

/**
 * Asks the hook whether somebody new may come, before the transaction, because a hook may take its
 * time. Nobody is asked about who is known.
 * @throws what the hook answers in `error`; signup_disabled
 */
export async function admitIdentity(
  state: AuthState,
  caller: Caller,
  identity: ExternalIdentity,
): Promise<Admission> {
  const sql = state.sql(caller.tenant);
  const known = await createIdentityStore(sql).find(identity.provider, identity.providerId);
  const email = identity.emailVerified ? normalizeEmail(identity.email ?? "") : null;
  const joins = email !== null && !isSso(identity.provider);
  if (known || (joins && (await createStore(sql).findUserByEmail(email)))) return { userId: null };
  if (state.config.disable_signup) throw authErrors.signup_disabled();
  const id = state.deps.ids.uuid();
  const userMetadata = profileOf(identity, email);
  const { provider } = identity;
  const appMetadata = { provider, providers: [provider] };
  await beforeUserCreated(state, caller, { id, email, userMetadata, appMetadata });
  return { userId: id };
}

/**
 * Finds, joins or creates the person, in the caller's transaction. Starts no session.
 * @throws user_banned, signup_disabled, email_address_not_provided, provider_email_needs_verification
 */
export async function signInWithIdentity(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  identity: ExternalIdentity,
  admission: Admission,
): Promise<IdentitySignIn> {
  const email = identity.emailVerified ? normalizeEmail(identity.email ?? "") : null;
  const scope = { state, store, tx, caller, identity, admission, email };
  const identities = createIdentityStore(tx);
  await identities.lock(identity.provider, identity.providerId);
  const known = await identities.find(identity.provider, identity.providerId);
  const done = known ? await signInKnown(scope, known) : await signInNew(scope);
  const { user } = done;
  if (isBanned(user, state.now())) throw authErrors.user_banned();
  return done;
}

async function signInKnown(scope: Scope, known: IdentityRow): Promise<IdentitySignIn> {
  const { state, store, tx, identity, email } = scope;
  const now = state.now();
  const locked = await store.lockUser(known.user_id);
  if (!locked) throw authErrors.user_not_found();
  const profile = profileOf(identity, normalizeEmail(identity.email ?? ""));
  await createIdentityStore(tx).refresh(known.id, profile, now);
  // The provider verified what the account says: from now on the account may be joined by address.
  const proof =
    email !== null && email === locked.email && !isEmailProven(locked)
      ? { proven_email: email, email_confirmed_at: locked.email_confirmed_at ?? now }
      : {};
  const merged = withProfile(locked.raw_user_meta_data, profile);
  const patch = { ...proof, raw_user_meta_data: merged, updated_at: now };
  return { user: (await store.updateUser(locked.id, patch)) ?? locked, outcome: "known" };
}

async function signInNew(scope: Scope): Promise<IdentitySignIn> {
  const { identity, store, email } = scope;
  const joins = email !== null && !isSso(identity.provider);
  const found = joins ? await store.findUserByEmail(email) : null;
  if (found) return joinAccount(scope, found.id);
  const created = await createPerson(scope);
  if (created) return created;
  // Somebody registered the address a moment ago, and has committed by now.
  const raced = joins ? await store.findUserByEmail(email) : null;
  if (!raced) throw authErrors.email_exists();
  return joinAccount(scope, raced.id);
}

async function joinAccount(scope: Scope, userId: string): Promise<IdentitySignIn> {
  const { state, store, tx, caller, identity, email } = scope;
  const locked = await store.lockUser(userId);
  if (!locked || locked.deleted_at) throw authErrors.user_not_found();
  const user = await proveEmail(state, store, tx, caller, locked);
  return {
    user: await addIdentity(state, store, tx, caller, user, identity, email),
    outcome: "linked",
  };
}

/** Adds a way in to a person's account: row, metadata, audit entry and event. */
export async function addIdentity(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  identity: ExternalIdentity,
  email: string | null,
): Promise<UserRow> {
  const { ids } = state.deps;
  const now = state.now();
  const { provider, providerId } = identity;
  const data = profileOf(identity, email);
  const row = { id: ids.uuid(), userId: user.id, provider, providerId, data, now };
  await createIdentityStore(tx).insert(row);
  const merged = withProfile(user.raw_user_meta_data, data);
  const patched = await store.updateUser(user.id, {
    ...providersPatch(user, await store.identitiesOf([user.id])),
    raw_user_meta_data: merged,
    updated_at: now,
  });
  await audit(state, store, caller, actorOf(user), "identity_linked", { provider });
  await publish(state, tx, caller, "auth.identity_linked", user.id, { user_id: user.id, provider });
  return patched ?? user;
}

/** Null when the address was taken meanwhile: nothing was written. */
async function createPerson(scope: Scope): Promise<IdentitySignIn | null> {
  const { state, store, tx, caller, identity, email } = scope;
  if (state.config.disable_signup) throw authErrors.signup_disabled();
  if (email === null) requireOptionalEmail(identity);
  // The person was there a moment ago and is gone: whoever may decide has not been asked.
  const id = scope.admission.userId;
  if (id === null) throw authErrors.user_not_found();
  const { provider, providerId } = identity;
  const profile = profileOf(identity, email ?? normalizeEmail(identity.email ?? ""));
  const created = await createUser(state, store, tx, caller, {
    id,
    email,
    passwordHash: null,
    role: "authenticated",
    confirmed: email !== null,
    proven: email !== null,
    userMetadata: profile,
    appMetadata: {},
    bannedUntil: null,
    identity: { provider, providerId, data: profile, isSso: isSso(provider) },
  });
  return created && { user: created.user, outcome: "created" };
}

function requireOptionalEmail({ provider, email, emailOptional }: ExternalIdentity): void {
  if (emailOptional) return;
  if (email === null || email === "") throw authErrors.email_address_not_provided(provider);
  throw authErrors.provider_email_needs_verification(provider);
}
