/** `POST /auth/v1/passkeys/registration/{options,verify}`: adds a passkey to the person's account. */
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { hasVerifiedFactor } from "../factors/aal.ts";
import { factorErrors } from "../factors/errors.ts";
import { type FactorOwner, requireOwner } from "../factors/factor-owner.ts";
import { tellOfFactor } from "../factors/tell-of-factor.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { actorOf, audit, publish } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { authenticatorName } from "./authenticator-name.ts";
import { type CredentialStore, createCredentialStore } from "./credential-store.ts";
import { beginCeremony, requirePasskeys, takeCeremony } from "./passkey-ceremony.ts";
import type { CredentialRow } from "./schema.ts";
import { WebAuthnFault } from "./webauthn/cbor.ts";
import type { Ceremony } from "./webauthn/client-data.ts";
import { readCredentialJson } from "./webauthn/credential-json.ts";
import { creationOptions } from "./webauthn/options.ts";
import { type NewCredential, verifyRegistration } from "./webauthn/verify-registration.ts";
import { webAuthnUser } from "./webauthn-user.ts";

/** @throws passkey_disabled, too_many_passkeys, insufficient_aal, validation_failed for people of SSO */
export async function passkeyRegistrationOptions(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
) {
  const party = requirePasskeys(state, caller);
  const { user } = await requireKeeper(state, caller, current);
  const store = createCredentialStore(state.sql(caller.tenant));
  await requireRoom(state, store, user.id);
  const exclude = await store.credentialsOf(user.id);
  const { challenge, answer } = await beginCeremony(state, caller, "registration", user.id);
  const options = creationOptions({
    party,
    user: webAuthnUser(user),
    challenge,
    timeoutMs: state.config.mfa_challenge_ttl_s * 1000,
    exclude,
    discoverable: true,
    policy: state.attestation,
  });
  return { ...answer, options };
}

/** @throws also webauthn_challenge_not_found, webauthn_challenge_expired, webauthn_verification_failed, webauthn_credential_exists */
export async function registerPasskey(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  body: JsonObject,
) {
  const party = requirePasskeys(state, caller);
  const owner = await requireKeeper(state, caller, current);
  const userId = owner.user.id;
  const taken = await takeCeremony(state, caller, party, "registration", userId, body);
  const made = verify(state, taken.answer, taken.ceremony);
  const row = await addPasskey(state, caller, owner, made);
  state.outbox.wake(caller.tenant);
  const { id, friendly_name, created_at } = row;
  return { id, friendly_name, created_at: created_at.toISOString() };
}

/** Who may change passkeys: a person of their own, who has used their second factor if they have one. */
export async function requireKeeper(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
): Promise<FactorOwner> {
  const owner = requireOwner(current);
  await limitByIdentity(state, caller, "passkeys", owner.user.id, state.config.rate_limit_mfa);
  if (owner.user.is_sso_user) {
    throw authErrors.validation_failed("SSO users cannot register passkeys");
  }
  if (hasVerifiedFactor(state, owner.user) && owner.session.aal !== "aal2") {
    throw authErrors.insufficient_aal("AAL2 required to manage passkeys", 403);
  }
  return owner;
}

async function requireRoom(
  state: AuthState,
  store: CredentialStore,
  userId: string,
): Promise<void> {
  const { length } = await store.passkeysOf(userId);
  if (length >= state.config.passkeys_max) throw factorErrors.too_many_passkeys();
}

function verify(state: AuthState, answer: JsonObject, ceremony: Ceremony): NewCredential {
  try {
    const json = readCredentialJson(answer);
    return verifyRegistration(json, ceremony, state.attestation, state.deps.clock.now());
  } catch (error) {
    if (!(error instanceof WebAuthnFault)) throw error;
    throw factorErrors.webauthn_verification_failed(error.message, error);
  }
}

function addPasskey(
  state: AuthState,
  caller: Caller,
  { user }: FactorOwner,
  made: NewCredential,
): Promise<CredentialRow> {
  return inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const credentials = createCredentialStore(tx);
    await store.lockUser(user.id);
    await requireRoom(state, credentials, user.id);
    const id = state.deps.ids.uuid();
    const friendlyName = authenticatorName(made.aaguid);
    const owner = { id, userId: user.id, factorId: null, friendlyName, now: state.now() };
    const row = await credentials.insertCredential(owner, made);
    if (!row) throw factorErrors.webauthn_credential_exists();
    await audit(state, store, caller, actorOf(user), "passkey_created", { passkey_id: id });
    const data = { user_id: user.id, passkey_id: id };
    await publish(state, tx, caller, "auth.passkey_added", user.id, data);
    await tellOfFactor(state, caller, tx, user, "passkey", "enrolled");
    return row;
  });
}
