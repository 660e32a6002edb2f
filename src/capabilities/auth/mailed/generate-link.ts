/**
 * `POST /auth/v1/admin/generate_link`: the project's own server gets the code and the link of a mail
 * and sends them itself. Nothing is mailed.
 */
import type { TransactionSql } from "postgres";
import { checkPassword } from "../accounts/check-password.ts";
import { createUser } from "../accounts/create-user.ts";
import { checkMetadata, mergeMetadata } from "../accounts/metadata.ts";
import { requireEmail } from "../accounts/normalize-email.ts";
import { presentUser, type UserJson } from "../accounts/present-user.ts";
import { isEntered, keepOrEmpty } from "../accounts/repeat-sign-up.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { type AuthStore, createStore, inTransaction } from "../store.ts";
import { auditRequest } from "./audit-request.ts";
import { announce, inviteUser } from "./invite.ts";
import { createOneTimeToken, type OneTimeToken, type TokenKind } from "./one-time-token.ts";

const TYPES = [
  "signup",
  "invite",
  "magiclink",
  "recovery",
  "email_change_current",
  "email_change_new",
] as const;
type LinkType = (typeof TYPES)[number];

const KIND_OF = {
  signup: "confirmation",
  invite: "invite",
  magiclink: "magiclink",
  recovery: "recovery",
  email_change_current: "email_change_current",
  email_change_new: "email_change_new",
} as const satisfies Record<LinkType, TokenKind>;

interface LinkRequest {
  readonly type: LinkType;
  readonly email: string;
  /** Of a change; else "". */
  readonly newEmail: string;
  readonly passwordHash: string | null;
  /** A repeated sign-up came with a password: the stored hash that it fits, null = none of them. */
  readonly repeats?: { readonly matched: string | null };
  readonly data: JsonObject;
  readonly redirectTo: string;
}

interface Work {
  readonly state: AuthState;
  readonly store: AuthStore;
  readonly tx: TransactionSql;
  readonly caller: Caller;
  readonly request: LinkRequest;
}

/**
 * @param redirectTo where the link leads, from `allowedRedirect`.
 * @param base `https://host/auth/v1`, by which links reach this server.
 * @throws user_not_found, email_exists, weak_password, validation_failed
 */
export async function generateLink(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
  redirectTo: string,
  base: string,
): Promise<UserJson> {
  const request = await readLinkRequest(state, caller, body, redirectTo);
  const { user, identities, token } = await inTransaction(
    state.sql(caller.tenant),
    async (store, tx) => {
      const work = { state, store, tx, caller, request };
      const prepared = await prepare(work);
      const made = await makeToken(work, prepared);
      return { user: prepared, identities: await store.identitiesOf([prepared.id]), token: made };
    },
  );
  const isChange = request.type.startsWith("email_change");
  const query = new URLSearchParams({
    token: token.tokenHash,
    type: isChange ? "email_change" : request.type,
    redirect_to: redirectTo,
  });
  return {
    ...presentUser(user, identities),
    action_link: `${base}/verify?${query.toString()}`,
    email_otp: token.otp,
    hashed_token: token.tokenHash,
    verification_type: request.type,
    redirect_to: redirectTo,
  };
}

async function readLinkRequest(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
  redirectTo: string,
): Promise<LinkRequest> {
  const sent = textOf(body, "type");
  const wanted = TYPES.find((known) => known === sent);
  if (!wanted) {
    throw authErrors.validation_failed(
      `Invalid email action link type requested: ${sent.slice(0, 40)}`,
    );
  }
  const email = requireEmail(textOf(body, "email"));
  const found = await createStore(state.sql(caller.tenant)).findUserByEmail(email);
  // A magic link for somebody unknown is a sign-up without a password, as for GoTrue.
  const type = wanted === "magiclink" && !found ? "signup" : wanted;
  const isChange = type === "email_change_current" || type === "email_change_new";
  if (!found && (isChange || type === "recovery")) throw authErrors.user_not_found();
  if (type === "email_change_current" && !state.config.secure_email_change) {
    throw authErrors.validation_failed(
      "Enable secure email change to generate link for current email",
    );
  }
  const data = checkMetadata("user_metadata", objectOf(body, "data") ?? {});
  if (!found && (type === "signup" || type === "invite")) {
    await announce(state, caller, email, data);
  }
  const newEmail = isChange ? requireEmail(textOf(body, "new_email")) : "";
  const passwords = wanted === "signup" ? await readPassword(state, body, found) : NO_PASSWORD;
  return { type, email, newEmail, ...passwords, data, redirectTo };
}

type Passwords = Pick<LinkRequest, "passwordHash" | "repeats">;
const NO_PASSWORD: Passwords = { passwordHash: null };

/** Of a sign-up; without one, a sign-up that waits is only reminded. */
async function readPassword(
  state: AuthState,
  body: JsonObject,
  found: UserRow | null,
): Promise<Passwords> {
  const password = textOf(body, "password");
  if (found && password === "") return NO_PASSWORD;
  if (password === "") throw authErrors.validation_failed("Signup requires a valid password");
  checkPassword(password, state.config.password_min_length);
  if (!found) return { passwordHash: await state.hasher.hash(password) };
  const stored = found.encrypted_password;
  const matched = (await state.hasher.verify(password, stored)) ? stored : null;
  return { passwordHash: null, repeats: { matched } };
}

/** The person as the link finds them. */
async function prepare(work: Work): Promise<UserRow> {
  const { state, store, tx, caller, request } = work;
  const { type, email, data } = request;
  if (type === "invite") return inviteUser(state, store, tx, caller, email, data);
  if (type === "signup") return signedUp(work);
  const found = await store.findUserByEmail(email);
  const user = found && (await store.lockUser(found.id));
  if (!user || user.deleted_at) throw authErrors.user_not_found();
  if (type === "magiclink" || type === "recovery") {
    await auditRequest(state, store, caller, "user_recovery_requested", user, email);
    return user;
  }
  return withChange(work, user);
}

async function signedUp({ state, store, tx, caller, request }: Work): Promise<UserRow> {
  const { email, data, passwordHash, repeats } = request;
  const created = await createUser(state, store, tx, caller, {
    id: state.deps.ids.uuid(),
    email,
    passwordHash,
    role: "authenticated",
    confirmed: false,
    userMetadata: data,
    appMetadata: {},
    bannedUntil: null,
    confirmationSent: true,
  });
  if (created) return created.user;
  const found = await store.findUserByEmail(email);
  const user = found && (await store.lockUser(found.id));
  if (!user || user.email_confirmed_at) throw authErrors.email_exists();
  const isRival = repeats !== undefined || passwordHash !== null;
  if (isRival && !(await isEntered(store, user))) {
    await keepOrEmpty(state, store, caller, user, repeats?.matched ?? null);
  }
  const now = state.now();
  const merged = checkMetadata("user_metadata", mergeMetadata(user.raw_user_meta_data, data));
  const patch = { raw_user_meta_data: merged, confirmation_sent_at: now, updated_at: now };
  return (await store.updateUser(user.id, patch)) ?? user;
}

async function withChange(work: Work, user: UserRow): Promise<UserRow> {
  const { state, store, caller, request } = work;
  const { newEmail } = request;
  if (await store.findUserByEmail(newEmail)) throw authErrors.email_exists();
  await auditRequest(state, store, caller, "user_modified", user, newEmail);
  // The second link of the same change must not undo what the first one has confirmed.
  if (user.email_change === newEmail) return user;
  const now = state.now();
  const patch = {
    email_change: newEmail,
    email_change_sent_at: now,
    email_change_confirm_status: 0,
    updated_at: now,
  };
  return (await store.updateUser(user.id, patch)) ?? user;
}

function makeToken({ state, tx, caller, request }: Work, user: UserRow): Promise<OneTimeToken> {
  const { type, email, newEmail, redirectTo } = request;
  return createOneTimeToken(state, caller, tx, {
    userId: user.id,
    kind: KIND_OF[type],
    sentTo: type === "email_change_new" ? newEmail : email,
    redirectTo,
  });
}
