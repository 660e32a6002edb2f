/**
 * `POST /auth/v1/token?grant_type=id_token`: signs in with an id token that an app got from a provider
 * by itself (a phone's own account, One Tap). The nonce ties it to the app that asked; and a token is
 * taken once, so who finds it in a log has nothing.
 */
import type { JWTPayload } from "jose";
import type { TransactionSql } from "postgres";
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { requireAal2 } from "../factors/aal.ts";
import { signInByFlow } from "../flows/sign-in-by-flow.ts";
import { userCaller } from "../http/caller.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { flagOf, textOf } from "../http/read-json.ts";
import type { ExternalIdentity } from "../identities/external-identity.ts";
import { linkIdentity, tellOfLink } from "../identities/link-identity.ts";
import {
  admitIdentity,
  type IdentitySignIn,
  signInWithIdentity,
} from "../identities/sign-in-identity.ts";
import type { JsonObject } from "../schema.ts";
import { type TokenAnswer, tokenAnswer } from "../sessions/issue-session.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import type { IssuerMetadata } from "./discovery.ts";
import { findProvider } from "./find-provider.ts";
import { claimsOf, identityOf } from "./read-person.ts";
import type { Provider } from "./resolve-provider.ts";
import { verifyIdToken } from "./verify-id-token.ts";

/**
 * With `link_identity` the identity becomes that of the request's access token.
 * @throws validation_failed, oauth_provider_not_supported, and what `signInWithIdentity` throws
 */
export async function grantIdToken(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
  request: Request,
): Promise<TokenAnswer> {
  await limitByAddress(state, caller, "id_token", state.config.rate_limit_token_exchange);
  const current = flagOf(body, "link_identity") ? (await userCaller(state, request))[1] : null;
  const provider = await providerOf(state, caller, body);
  const identity = await verified(state, caller, provider, body);
  const findPerson = current
    ? linking(state, caller, current, identity)
    : await signingIn(state, caller, identity);
  const done = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const { user, outcome } = await findPerson(store, tx);
    if (outcome === "linked") await tellOfLink(state, caller, tx, user, provider.name);
    const way = { method: "oauth", provider: provider.name };
    return { ...(await signInByFlow(state, store, caller, user, way)), outcome };
  });
  if (done.outcome === "linked") state.outbox.wake(caller.tenant);
  return tokenAnswer(state, caller, done.user, done.identities, done.issued);
}

type FindPerson = (store: AuthStore, tx: TransactionSql) => Promise<IdentitySignIn>;

function linking(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  identity: ExternalIdentity,
): FindPerson {
  requireAal2(state, current, "link an identity");
  return async (store, tx) => {
    const user = await linkIdentity(state, store, tx, caller, current.user.id, identity);
    return { user, outcome: "linked" };
  };
}

async function signingIn(
  state: AuthState,
  caller: Caller,
  identity: ExternalIdentity,
): Promise<FindPerson> {
  const admission = await admitIdentity(state, caller, identity);
  return (store, tx) => signInWithIdentity(state, store, tx, caller, identity, admission);
}

async function providerOf(
  state: AuthState,
  { tenant }: Caller,
  body: JsonObject,
): Promise<Provider> {
  const name = textOf(body, "provider");
  const issuer = textOf(body, "issuer");
  if (name === "" && issuer === "") {
    throw authErrors.validation_failed("provider or client_id and issuer required");
  }
  const { providers } = state;
  const found =
    name === "" ? providers.findByIssuer(issuer) : await findProvider(state, tenant, name);
  if (!found) throw authErrors.oauth_provider_not_supported((name || issuer).slice(0, 200));
  if (found.issuer !== null) return found;
  throw authErrors.validation_failed(`Provider ${found.name} has no id tokens`);
}

async function verified(
  state: AuthState,
  caller: Caller,
  provider: Provider,
  body: JsonObject,
): Promise<ExternalIdentity> {
  const token = textOf(body, "id_token");
  if (token === "") throw authErrors.validation_failed("id_token required");
  const { directory } = state.providers;
  const { settings, issuer } = provider;
  const metadata = await directory.metadata(issuer ?? "").catch((cause: unknown) => {
    throw authErrors.provider_failed(cause);
  });
  const payload = await verifyIdToken(directory, token, {
    metadata,
    clientIds: [settings.client_id, ...(settings.client_ids ?? [])],
    nonce: null,
    accessToken: textOf(body, "access_token") || null,
    nowMs: state.deps.clock.now(),
  }).catch((error: unknown) => {
    throw authErrors.bad_id_token(error instanceof Error ? error.message : "", error);
  });
  if (!settings.skip_nonce_check) checkNonce(payload, textOf(body, "nonce"));
  await takeOnce(state, caller, token, payload);
  return personOf(provider, metadata, payload);
}

function personOf(provider: Provider, metadata: IssuerMetadata, payload: JWTPayload) {
  return identityOf(provider, claimsOf(provider, metadata, payload as JsonObject));
}

/** The token holds the hash of what the app keeps, so that the token alone is not enough. */
function checkNonce({ nonce }: JWTPayload, sent: string): void {
  if ((nonce === undefined) !== (sent === "")) {
    throw authErrors.validation_failed(
      "Passed nonce and nonce in id_token should either both exist or not.",
    );
  }
  if (nonce === undefined) return;
  const hash = new Bun.CryptoHasher("sha256").update(sent).digest("hex");
  if (hash !== nonce) throw authErrors.validation_failed("Nonces mismatch");
}

/** Marks the token as used until it expires. @throws bad_id_token */
async function takeOnce(
  state: AuthState,
  { tenant }: Caller,
  token: string,
  { exp = 0 }: JWTPayload,
): Promise<void> {
  // The signature can be written in several ways (RFC 7515 says nothing of ECDSA's s): what is signed counts.
  const signed = token.slice(0, token.lastIndexOf("."));
  const key = `auth:id_token:${new Bun.CryptoHasher("sha256").update(signed).digest("hex")}`;
  const ttlMs = Math.max(1, exp * 1000 - state.deps.clock.now()) + 120_000;
  const first = await state.deps.kv.put(tenant, key, new Uint8Array([1]), { ttlMs, ifVersion: 0 });
  if (first === null) throw authErrors.bad_id_token("The id token was used before");
}
