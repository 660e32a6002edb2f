/** ID tokens: OpenID Connect Core §2, signed by the project's keys. */
import type { SigningKey } from "../../../../core/project.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { personClaims } from "./scoped-claims.ts";
import type { ClientSession } from "./session-grant.ts";

export interface IdTokenFacts {
  readonly accessToken: string;
  /** Of the authorization request; never repeated by a refresh (§12.2). */
  readonly nonce: string | null;
}

export async function signIdToken(
  state: AuthState,
  caller: Caller,
  { user, session, request, authenticatedAt }: ClientSession,
  { accessToken, nonce }: IdTokenFacts,
): Promise<string> {
  const key = await signingKey(state, caller);
  const issuedAt = Math.floor(state.deps.clock.now() / 1000);
  return state.signer.sign(key, {
    ...personClaims(user, request.scope),
    iss: request.issuer,
    sub: user.id,
    aud: request.client_id,
    exp: issuedAt + state.config.access_token_ttl_s,
    iat: issuedAt,
    // By it a sign-out at the client ends what the client was given (RP-Initiated Logout 1.0 §2).
    sid: session.id,
    auth_time: Math.floor(authenticatedAt.getTime() / 1000),
    acr: session.aal,
    amr: [...new Set(session.amr.map(({ method }) => method))],
    at_hash: leftHalfHash(accessToken, key.alg),
    ...(nonce === null ? {} : { nonce }),
  });
}

/** A client can check a signature only by a public key. */
async function signingKey(state: AuthState, caller: Caller): Promise<SigningKey> {
  const { signingKeys } = await state.deps.project(caller.tenant);
  const key = signingKeys.find(({ publicJwk }) => publicJwk !== null);
  if (!key) throw new Error("the project has no signing key");
  return key;
}

/** OpenID Connect Core §3.1.3.6: by the hash of the signature's algorithm; Ed25519's is SHA-512. */
function leftHalfHash(text: string, alg: string): string {
  const hash = alg === "EdDSA" || alg === "Ed25519" ? "sha512" : "sha256";
  const digest = Buffer.from(new Bun.CryptoHasher(hash).update(text).digest());
  return digest.subarray(0, digest.length / 2).toString("base64url");
}
