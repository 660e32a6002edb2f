/**
 * What happens once a token was spent: whoever brought it reads mail, or messages, at the address it
 * was sent to. The account is made or confirmed, a waiting change takes effect, and the person is
 * signed in. Refusals are returned and not thrown: the token stays spent.
 */
import type { TransactionSql } from "postgres";
import { createUser } from "../accounts/create-user.ts";
import { isBanned } from "../accounts/is-banned.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { finishFlow } from "../flows/flow-state.ts";
import { type SignedIn, signInByFlow } from "../flows/sign-in-by-flow.ts";
import { beforeUserCreated } from "../hooks/before-user-created.ts";
import { confirmPhoneChange } from "../phone/change-phone.ts";
import { confirmPhone } from "../phone/confirm-phone.ts";
import type { UserRow } from "../schema.ts";
import { type AuthStore, inTransaction, isAddressConflict } from "../store.ts";
import { confirmEmailChange } from "./change-email.ts";
import { confirmAccount, openByMail } from "./confirm-account.ts";
import type { SpentToken } from "./one-time-token.ts";

export type Refusal = "otp_expired" | "banned_here" | "email_exists" | "phone_exists";

export type Completed =
  | ({ readonly outcome: "signed_in" } & SignedIn)
  /** The code of a PKCE flow; the session begins with its exchange. */
  | { readonly outcome: "code"; readonly code: string }
  /** The first of the two confirmations of a new address. */
  | { readonly outcome: "half" }
  | { readonly outcome: "refused"; readonly refusal: Refusal };

interface Work {
  readonly state: AuthState;
  readonly caller: Caller;
  readonly store: AuthStore;
  readonly tx: TransactionSql;
}

type Settled = { readonly user: UserRow } | "half" | Refusal;

/**
 * @param spend finds and spends the token, in the transaction it is given.
 * @param byLink ends a PKCE flow with its code, where a code that is typed in begins a session.
 * @throws what the hook `before_user_created` answers
 */
export async function completeToken(
  state: AuthState,
  caller: Caller,
  spend: (tx: TransactionSql) => Promise<SpentToken | null>,
  byLink: boolean,
): Promise<Completed> {
  const sql = state.sql(caller.tenant);
  const first = await inTransaction(sql, async (store, tx) => {
    const spent = await spend(tx);
    if (!spent) return refused("otp_expired");
    if (spent.userId === null) return { outcome: "creates", spent } as const;
    return settleAndFinish({ state, caller, store, tx }, spent, byLink);
  }).catch(asRefusal);
  // A change that was made is told of.
  state.outbox.wake(caller.tenant);
  if (first.outcome !== "creates") return first;
  const { spent } = first;
  const id = state.deps.ids.uuid();
  await announce(state, caller, id, spent);
  return inTransaction(sql, (store, tx) =>
    createAndFinish({ state, caller, store, tx }, id, spent, byLink),
  ).catch(asRefusal);
}

const refused = (refusal: Refusal) => ({ outcome: "refused", refusal }) as const;

/** Two who want one address at the same moment: the second is told what the first did. */
function asRefusal(error: unknown): Completed {
  if (isAddressConflict(error)) return refused("email_exists");
  throw error;
}

const isPhone = (sentTo: string) => !sentTo.includes("@");

/** Outside of a transaction: a hook takes its time. */
function announce(state: AuthState, caller: Caller, id: string, spent: SpentToken): Promise<void> {
  const byPhone = isPhone(spent.sentTo);
  const provider = byPhone ? "phone" : "email";
  return beforeUserCreated(state, caller, {
    id,
    email: byPhone ? null : spent.sentTo,
    phone: byPhone ? spent.sentTo : null,
    appMetadata: { provider, providers: [provider] },
    userMetadata: spent.creates?.user_metadata ?? {},
  });
}

async function createAndFinish(
  work: Work,
  id: string,
  spent: SpentToken,
  byLink: boolean,
): Promise<Completed> {
  const { state, store, tx, caller } = work;
  const byPhone = isPhone(spent.sentTo);
  const address = byPhone
    ? { email: null, phone: spent.sentTo, own: { phone: spent.sentTo } }
    : { email: spent.sentTo, phone: null, own: { email: spent.sentTo } };
  const { email, phone, own } = address;
  const verified = { email_verified: !byPhone, phone_verified: byPhone };
  const created = await createUser(state, store, tx, caller, {
    id,
    email,
    phone,
    passwordHash: null,
    role: "authenticated",
    confirmed: !byPhone,
    proven: !byPhone,
    phoneConfirmed: byPhone,
    userMetadata: { ...spent.creates?.user_metadata, sub: id, ...own, ...verified },
    appMetadata: {},
    bannedUntil: null,
  });
  if (created) return finish(work, { user: created.user }, spent, byLink);
  // An account came to be meanwhile: then this is a sign-in to it.
  const found = byPhone
    ? await store.findUserByPhone(spent.sentTo)
    : await store.findUserByEmail(spent.sentTo);
  if (!found) return refused("otp_expired");
  const kind = byPhone ? "phone" : "magiclink";
  return settleAndFinish(work, { ...spent, kind, userId: found.id }, byLink);
}

async function settleAndFinish(work: Work, spent: SpentToken, byLink: boolean): Promise<Completed> {
  const { state, store } = work;
  const user = await store.lockUser(spent.userId ?? "");
  if (!user || user.deleted_at) return refused("otp_expired");
  if (isBanned(user, state.now())) return refused("banned_here");
  const settled = await settle(work, user, spent);
  if (settled === "half") return { outcome: "half" };
  if (typeof settled === "string") return refused(settled);
  return finish(work, settled, spent, byLink);
}

function settle(
  { state, store, tx, caller }: Work,
  user: UserRow,
  spent: SpentToken,
): Promise<Settled> {
  switch (spent.kind) {
    case "confirmation":
      return isPhone(spent.sentTo)
        ? confirmPhone(state, store, tx, caller, user, spent)
        : confirmAccount(state, store, tx, caller, user, spent);
    case "magiclink":
    case "recovery":
    case "invite":
      return openByMail(state, store, tx, caller, user, spent);
    case "email_change_new":
    case "email_change_current":
      return confirmEmailChange(state, store, tx, caller, user, spent);
    case "phone":
      return confirmPhone(state, store, tx, caller, user, spent);
    case "phone_change":
      return confirmPhoneChange(state, store, tx, caller, user, spent);
    case "reauthentication":
      return Promise.resolve("otp_expired");
  }
}

async function finish(
  { state, store, tx, caller }: Work,
  { user }: { readonly user: UserRow },
  spent: SpentToken,
  byLink: boolean,
): Promise<Completed> {
  if (byLink && spent.flowId !== null) {
    const code = await finishFlow(state, tx, spent.flowId, user.id);
    return { outcome: "code", code };
  }
  const provider = isPhone(spent.sentTo) ? "phone" : "email";
  const way = { method: "otp", provider };
  return { outcome: "signed_in", ...(await signInByFlow(state, store, caller, user, way)) };
}
