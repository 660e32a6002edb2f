/** `POST /auth/v1/invite`: the project's own server asks somebody in, by mail. */
import type { TransactionSql } from "postgres";
import { createUser } from "../accounts/create-user.ts";
import { checkMetadata } from "../accounts/metadata.ts";
import { requireEmail } from "../accounts/normalize-email.ts";
import { presentUser, type UserJson } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { beforeUserCreated } from "../hooks/before-user-created.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import { sendMessage } from "../messages/send-message.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { type AuthStore, createStore, inTransaction } from "../store.ts";
import { auditRequest } from "./audit-request.ts";
import { type CodeMessage, issueMail } from "./issue-mail.ts";

/**
 * Makes the account, without a password, and sends the link. Somebody who was invited, or signed
 * up, and never confirmed is asked again.
 * @throws email_exists for a confirmed account, validation_failed, message_not_sent
 */
export async function invite(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
  redirectTo: string | null,
): Promise<UserJson> {
  const email = requireEmail(textOf(body, "email"));
  const data = checkMetadata("user_metadata", objectOf(body, "data") ?? {});
  await announce(state, caller, email, data);
  const { user, identities, message } = await inTransaction(
    state.sql(caller.tenant),
    async (store, tx) => {
      const invited = await inviteUser(state, store, tx, caller, email, data);
      const letter = { kind: "invite", to: email, user: invited, redirectTo } as const;
      return {
        user: invited,
        message: await issueMail(state, caller, tx, letter),
        identities: await store.identitiesOf([invited.id]),
      };
    },
  );
  await sendMessage(state, caller, message as CodeMessage);
  return presentUser(user, identities);
}

/** Asks the hook, for somebody who has no account. @throws what it answers in `error` */
export async function announce(
  state: AuthState,
  caller: Caller,
  email: string,
  userMetadata: JsonObject,
): Promise<void> {
  if (await createStore(state.sql(caller.tenant)).findUserByEmail(email)) return;
  const appMetadata = { provider: "email", providers: ["email"] };
  const id = state.deps.ids.uuid();
  await beforeUserCreated(state, caller, { id, email, appMetadata, userMetadata });
}

/** The account of who is invited. In the caller's transaction. @throws email_exists */
export async function inviteUser(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  email: string,
  data: JsonObject,
): Promise<UserRow> {
  const created = await createUser(state, store, tx, caller, {
    id: state.deps.ids.uuid(),
    email,
    passwordHash: null,
    role: "authenticated",
    confirmed: false,
    userMetadata: data,
    appMetadata: {},
    bannedUntil: null,
    invited: true,
    confirmationSent: true,
  });
  const user = created?.user ?? (await askAgain(state, store, email));
  await auditRequest(state, store, caller, "user_invited", user, email);
  return user;
}

async function askAgain(state: AuthState, store: AuthStore, email: string): Promise<UserRow> {
  const found = await store.findUserByEmail(email);
  const user = found && (await store.lockUser(found.id));
  if (!user || user.email_confirmed_at) throw authErrors.email_exists();
  const now = state.now();
  const patch = { invited_at: now, confirmation_sent_at: now, updated_at: now };
  return (await store.updateUser(user.id, patch)) ?? user;
}
