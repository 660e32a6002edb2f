/**
 * Who asks. With `jwt_secret` the bearer token says so, as in PostgREST; without it the server's own
 * identity does, and what that refuses is told in PostgREST's words.
 */
import type { RequestContext } from "../../../core/context.ts";
import { type CredentialFault, ReactorError } from "../../../core/errors.ts";
import type { Principal } from "../../../core/ports/auth.ts";
import { actInClaimedOrg } from "../../../shared/auth/act-in-org.ts";
import { ANONYMOUS } from "../../../shared/auth/principals.ts";
import { errors } from "../errors.ts";
import type { DataRoom } from "../room.ts";
import { refusedClaims, undecodable } from "./token-errors.ts";

/**
 * @param checksScopes keys with scopes come in: whoever asks for the caller asks `requireScopes` too
 * @throws PGRST300 to PGRST303, insufficient_scope, org_forbidden
 */
export function callerOf(
  room: DataRoom,
  headers: Headers,
  context: RequestContext,
  checksScopes = false,
): Principal | Promise<Principal> {
  const prove = () => (checksScopes ? context.scopedPrincipal() : context.principal());
  if (room.tokens || room.isForeign) return callerByToken(room, headers, prove);
  return callerByServer(room, headers, prove);
}

/** As the server's own identity says. */
type Prove = () => Principal | Promise<Principal>;

/** RFC 6750 §2.1. The scheme is case-insensitive; what follows it may be empty. */
const BEARER = /^bearer(?:\s+(.*))?$/is;

function callerByToken(
  room: DataRoom,
  headers: Headers,
  prove: Prove,
): Principal | Promise<Principal> {
  const authorization = headers.get("authorization");
  const bearer = authorization === null ? null : BEARER.exec(authorization);
  if (bearer) {
    const [, token = ""] = bearer;
    // The server's two keys have no dots, and are theirs who also have users' tokens from elsewhere.
    if (!room.isForeign && token !== "" && !token.includes(".")) {
      return callerByKey(prove);
    }
    if (!room.tokens) throw errors.PGRST300();
    if (token === "") throw undecodable.empty();
    return inOrg(room, headers, room.tokens.verify(token));
  }
  // Another scheme is for whoever stands before PostgREST; where we are that, it is a bad credential.
  if (!room.isForeign && (authorization !== null || headers.has("apikey"))) {
    return callerByServer(room, headers, prove);
  }
  return nobody(room);
}

/** Another issuer's claims are all that says in which organisation its people are. */
function inOrg(
  room: DataRoom,
  headers: Headers,
  proven: Principal | Promise<Principal>,
): Principal | Promise<Principal> {
  const org = room.isForeign ? null : headers.get("x-reactor-org");
  if (org === null) return proven;
  if (proven instanceof Promise) return proven.then((one) => actInClaimedOrg(one, org));
  return actInClaimedOrg(proven, org);
}

function nobody(room: DataRoom): Principal {
  if (!room.anonymous) throw errors.PGRST302();
  return room.anonymous;
}

async function callerByKey(prove: Prove): Promise<Principal> {
  try {
    return await prove();
  } catch (error) {
    throw isBadCredential(error) ? undecodable.key(error.details) : error;
  }
}

function callerByServer(
  room: DataRoom,
  headers: Headers,
  prove: Prove,
): Principal | Promise<Principal> {
  try {
    const principal = prove();
    if (!(principal instanceof Promise)) return asRole(room, headers, principal);
    return principal.then(
      (proven) => asRole(room, headers, proven),
      (error: unknown) => {
        throw inOurWords(error, headers);
      },
    );
  } catch (error) {
    throw inOurWords(error, headers);
  }
}

/** Nobody is who `db_anon_role` says, whatever the server calls nobody. */
function asRole(room: DataRoom, headers: Headers, principal: Principal): Principal {
  const { role, userId, keyId } = principal;
  if (role !== ANONYMOUS.role || userId !== null || keyId !== undefined) return principal;
  const hasCredential = headers.has("authorization") || headers.has("apikey");
  // The publishable key is a credential of that role, whatever becomes of those without one.
  return hasCredential ? (room.anonymous ?? principal) : nobody(room);
}

function isBadCredential(error: unknown): error is ReactorError {
  return error instanceof ReactorError && error.code === "bad_credential";
}

/** The server's refusal as PostgREST would have put it. */
function inOurWords(error: unknown, headers: Headers): unknown {
  if (!isBadCredential(error)) return error;
  const fault = error.cause as CredentialFault | undefined;
  const known = fault === undefined ? undefined : BY_FAULT[fault];
  if (known) return known();
  const bearer = BEARER.exec(headers.get("authorization") ?? "");
  if (bearer) {
    const [, token = ""] = bearer;
    if (token === "") return undecodable.empty();
    const parts = token.split(".").length;
    if (parts === 1) return undecodable.key(error.details);
    if (parts !== 3) return undecodable.parts(parts);
  }
  return errors.PGRST301("JWT cryptographic operation failed", error.details ?? undefined);
}

const BY_FAULT: Readonly<Record<CredentialFault, () => ReactorError>> = {
  expired: refusedClaims.expired,
  not_yet_valid: refusedClaims.notYetValid,
  issued_in_future: refusedClaims.issuedAtFuture,
  other_audience: refusedClaims.notInAudience,
  unknown_key: undecodable.noKey,
  bad_signature: undecodable.badSignature,
};
