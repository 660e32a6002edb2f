/**
 * Makes the account of a sign-up. With automatic confirmation the answer carries a session, and an
 * address that has an account is refused. Without it a code is sent, and nobody learns who has an
 * account: a repeated sign-up does the same work, in a savepoint that is rolled back, and answers
 * with what it would have made.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { checkBreached } from "../defence/check-breached.ts";
import { authErrors } from "../errors.ts";
import { beginFlow } from "../flows/flow-state.ts";
import { beforeUserCreated } from "../hooks/before-user-created.ts";
import { auditRequest } from "../mailed/audit-request.ts";
import { issueMail } from "../mailed/issue-mail.ts";
import { limitMessages } from "../mailed/limit-messages.ts";
import { queueMessage, queueText } from "../messages/queue-message.ts";
import { issueText, requirePhoneProvider } from "../phone/issue-text.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { type TokenAnswer, tokenAnswer } from "../sessions/issue-session.ts";
import { type AuthStore, createStore, inTransaction } from "../store.ts";
import { type CreatedUser, createUser, type UserDraft } from "./create-user.ts";
import { firstSession } from "./first-session.ts";
import { presentUser, type UserJson } from "./present-user.ts";
import { pretendToCreate } from "./pretend-to-create.ts";
import { isEntered, keepOrEmpty } from "./repeat-sign-up.ts";

export interface Registration {
  /** The id the account will have. */
  readonly id: string;
  readonly channel: "email" | "phone";
  /** Address or number, normalised. */
  readonly to: string;
  /** The address or number counts as confirmed at once. */
  readonly confirmed: boolean;
  readonly password: string;
  readonly metadata: JsonObject;
  readonly redirectTo: string | null;
  /** PKCE, as sent. */
  readonly challenge: { readonly codeChallenge: string; readonly codeChallengeMethod: string };
}

interface Work {
  readonly state: AuthState;
  readonly store: AuthStore;
  readonly tx: TransactionSql;
  readonly caller: Caller;
  readonly registration: Registration;
  readonly draft: UserDraft;
}

/** @throws user_already_exists, weak_password, over_email_send_rate_limit, … */
export async function register(
  state: AuthState,
  caller: Caller,
  registration: Registration,
): Promise<TokenAnswer | UserJson> {
  const { channel, to, confirmed, password } = registration;
  if (!confirmed) {
    if (channel === "phone") requirePhoneProvider(state);
    await limitMessages(state, caller, channel === "email" ? "email" : "sms", to);
  }
  await checkBreached(state, password);
  const draft = draftOf(registration, await state.hasher.hash(password));
  await beforeUserCreated(state, caller, comingUser(draft));
  return confirmed
    ? registerConfirmed(state, caller, registration, draft)
    : registerWaiting(state, caller, registration, draft);
}

function draftOf(registration: Registration, passwordHash: string): UserDraft {
  const { id, channel, to, confirmed, metadata } = registration;
  const isMail = channel === "email";
  return {
    id,
    email: isMail ? to : null,
    phone: isMail ? null : to,
    passwordHash,
    role: "authenticated",
    confirmed: isMail && confirmed,
    phoneConfirmed: !isMail && confirmed,
    confirmationSent: !confirmed,
    userMetadata: metadata,
    appMetadata: {},
    bannedUntil: null,
  };
}

function comingUser({ id, email, phone, userMetadata }: UserDraft) {
  const provider = email === null ? "phone" : "email";
  const appMetadata = { provider, providers: [provider] };
  return { id, email, phone: phone ?? null, appMetadata, userMetadata };
}

async function registerConfirmed(
  state: AuthState,
  caller: Caller,
  registration: Registration,
  draft: UserDraft,
): Promise<TokenAnswer> {
  const { to } = registration;
  const done = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const created = await createUser(state, store, tx, caller, draft);
    if (created) return firstSession(state, store, caller, created, "password");
    await auditRequest(state, store, caller, "user_repeated_signup", null, to);
    return null;
  });
  if (!done) throw authErrors.user_already_exists();
  return tokenAnswer(state, caller, done.user, done.identities, done.issued);
}

async function registerWaiting(
  state: AuthState,
  caller: Caller,
  registration: Registration,
  draft: UserDraft,
): Promise<UserJson> {
  const { password } = registration;
  const sql = state.sql(caller.tenant);
  const known = await findHolder(createStore(sql), registration);
  // The same hash is computed where there is nobody to compare with.
  const matched = (await state.hasher.verify(password, known?.encrypted_password ?? null))
    ? (known?.encrypted_password ?? null)
    : null;
  const shown = await inTransaction(sql, (store, tx) =>
    createOrPretend({ state, store, tx, caller, registration, draft }, matched),
  );
  state.outbox.wake(caller.tenant);
  return presentUser(shown.user, shown.identities);
}

function findHolder(store: AuthStore, { channel, to }: Registration): Promise<UserRow | null> {
  return channel === "email" ? store.findUserByEmail(to) : store.findUserByPhone(to);
}

/** @param matched the stored hash that the password fits; null = none. */
async function createOrPretend(work: Work, matched: string | null): Promise<CreatedUser> {
  const { state, store, tx, caller, registration, draft } = work;
  const holder = await findHolder(store, registration);
  const created =
    holder === null ? await tx.savepoint(() => createUser(state, store, tx, caller, draft)) : null;
  const shown = created ?? (await pretendToCreate(state, store, tx, caller, draft));
  // Asked in both cases, so that both take as long.
  const now = await lockHolder(work);
  const waiting = created ? created.user : await waitingHolder(work, now, matched);
  await issueConfirmation(work, waiting);
  return shown;
}

async function lockHolder({ store, registration }: Work): Promise<UserRow | null> {
  const holder = await findHolder(store, registration);
  return holder && store.lockUser(holder.id);
}

/** The account that the address already has, if it still waits for its confirmation. */
async function waitingHolder(
  { state, store, caller }: Work,
  user: UserRow | null,
  matched: string | null,
): Promise<UserRow | null> {
  if (!user || user.deleted_at) return null;
  return (await isEntered(store, user)) ? null : keepOrEmpty(state, store, caller, user, matched);
}

async function issueConfirmation(
  { state, store, tx, caller, registration }: Work,
  user: UserRow | null,
): Promise<void> {
  const { channel, to, redirectTo, challenge } = registration;
  await auditRequest(state, store, caller, "user_confirmation_requested", user, to);
  if (channel === "phone") {
    const letter = { kind: "confirmation", to, user } as const;
    return queueText(state, caller, tx, await issueText(state, caller, tx, letter));
  }
  const start = { ...challenge, method: "email/signup", provider: "email" };
  const flowId = await beginFlow(state, tx, { ...start, userId: user?.id ?? null });
  const letter = { kind: "confirmation", to, user, redirectTo, flowId } as const;
  await queueMessage(state, caller, tx, await issueMail(state, caller, tx, letter));
}
