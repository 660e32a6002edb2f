/** `POST /auth/v1/signup`: a new account by e-mail and password, signed in at once when confirmed. */
import type { AuthState, Caller } from "../auth-state.ts";
import { checkBreached } from "../defence/check-breached.ts";
import { requireCaptcha } from "../defence/require-captcha.ts";
import { authErrors } from "../errors.ts";
import { beforeUserCreated } from "../hooks/before-user-created.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import type { IdentityRow, JsonObject, UserRow } from "../schema.ts";
import {
  type IssuedSession,
  startSession,
  type TokenAnswer,
  tokenAnswer,
} from "../sessions/issue-session.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { checkPassword } from "./check-password.ts";
import { createUser } from "./create-user.ts";
import { checkMetadata } from "./metadata.ts";
import { requireEmail } from "./normalize-email.ts";
import { presentUser, type UserJson } from "./present-user.ts";

interface SignUpRequest {
  /** The id the account will have. */
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly metadata: JsonObject;
}

/**
 * With `auth.autoconfirm` the answer carries a session, and an address that has an account is
 * refused (`user_already_exists`). Without it both cases answer the same, so that nobody learns who
 * has an account. The password is hashed before anything is looked up: both cases take as long.
 */
export async function signUp(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<TokenAnswer | UserJson> {
  const { config } = state;
  await limitByAddress(state, caller, "signup", config.rate_limit_signup);
  if (config.disable_signup) throw authErrors.signup_disabled();
  await requireCaptcha(state, caller, body);
  const request = readSignUp(state, body);
  await checkBreached(state, request.password);
  const passwordHash = await state.hasher.hash(request.password);
  await beforeUserCreated(state, caller, {
    id: request.id,
    email: request.email,
    appMetadata: { provider: "email", providers: ["email"] },
    userMetadata: request.metadata,
  });
  const done = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const draft = {
      id: request.id,
      email: request.email,
      passwordHash,
      role: "authenticated",
      confirmed: config.autoconfirm,
      userMetadata: request.metadata,
      appMetadata: {},
      bannedUntil: null,
    };
    const created = await createUser(state, store, tx, caller, draft);
    if (!created) {
      await auditRepeat(state, store, caller, request.email);
      return null;
    }
    if (!config.autoconfirm) return { ...created, issued: null };
    const issued = await startSession(state, store, caller, created.user.id, "password");
    return { ...created, ...(await signIn(state, store, created.user, issued)) };
  });
  if (!done) {
    if (config.autoconfirm) throw authErrors.user_already_exists();
    return presentUser(pretendUser(state, request), [pretendIdentity(state, request)]);
  }
  if (!done.issued) return presentUser(done.user, done.identities);
  return tokenAnswer(state, caller, done.user, done.identities, done.issued);
}

function readSignUp(state: AuthState, body: JsonObject): SignUpRequest {
  const email = textOf(body, "email");
  const password = textOf(body, "password");
  const data = objectOf(body, "data") ?? {};
  if (textOf(body, "phone") !== "") throw authErrors.phone_provider_disabled();
  if (email === "" && password === "") throw authErrors.anonymous_provider_disabled();
  if (password === "") throw authErrors.validation_failed("Signup requires a valid password");
  const normalised = requireEmail(email);
  checkPassword(password, state.config.password_min_length);
  const id = state.deps.ids.uuid();
  // GoTrue repeats the identity in the metadata, and apps read it there.
  const own = { sub: id, email: normalised, email_verified: state.config.autoconfirm };
  const all = { ...data, ...own, phone_verified: false };
  return { id, email: normalised, password, metadata: checkMetadata("user_metadata", all) };
}

async function signIn(state: AuthState, store: AuthStore, user: UserRow, issued: IssuedSession) {
  const now = state.now();
  const patch = { last_sign_in_at: now, updated_at: now };
  return { user: (await store.updateUser(user.id, patch)) ?? user, issued };
}

function auditRepeat(state: AuthState, store: AuthStore, caller: Caller, email: string) {
  const { ids } = state.deps;
  const entry = {
    action: "user_repeated_signup",
    actorId: null,
    actorName: email,
    address: caller.address,
    traits: { provider: "email" },
  };
  return store.audit(ids.uuid(), entry, state.now());
}

/** What a stranger's repeated sign-up is shown: like a new account, but made up. */
function pretendUser(state: AuthState, request: SignUpRequest): UserRow {
  const now = state.now();
  return {
    id: request.id,
    aud: "authenticated",
    role: "authenticated",
    email: request.email,
    encrypted_password: null,
    email_confirmed_at: null,
    phone: null,
    phone_confirmed_at: null,
    confirmed_at: null,
    last_sign_in_at: null,
    raw_app_meta_data: { provider: "email", providers: ["email"] },
    raw_user_meta_data: request.metadata,
    created_at: now,
    updated_at: now,
    banned_until: null,
    deleted_at: null,
    is_anonymous: false,
    factors: [],
    is_sso_user: false,
    proven_email: null,
  };
}

/** An empty list here is how clients of GoTrue tell that an address has an account. */
function pretendIdentity(state: AuthState, { id, email }: SignUpRequest): IdentityRow {
  const now = state.now();
  return {
    id: state.deps.ids.uuid(),
    provider_id: id,
    user_id: id,
    identity_data: { sub: id, email, email_verified: false, phone_verified: false },
    provider: "email",
    last_sign_in_at: now,
    created_at: now,
    updated_at: now,
    email,
  };
}
