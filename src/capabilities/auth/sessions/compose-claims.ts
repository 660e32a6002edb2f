/**
 * The one place where the claims of a person's access token are made: sign-in, refresh,
 * impersonation and the OAuth server all come here. The names are those that policies and clients
 * written for Supabase read.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { ORG_CLAIMS } from "../orgs/org-claims.ts";
import type { AalLevel, AmrEntry, JsonObject, UserRow } from "../schema.ts";
import { CLAIM_CONTRIBUTORS, CLAIM_REWRITERS } from "./claim-contributors.ts";

/** The part of a session that its tokens repeat. */
export interface SessionFacts {
  readonly id: string;
  readonly aal: AalLevel;
  readonly amr: readonly AmrEntry[];
  /** End of its time box: no token of it lives longer. Null or absent = there is none. */
  readonly not_after?: Date | null;
}

export interface MoreClaims {
  /** The way in, for hooks. Default: the session's last. */
  readonly method?: string;
  /** Seconds. Default, and at most, `auth.access_token_ttl_s`: keys are kept for as long. */
  readonly ttlS?: number;
  /** Claims of this token alone: `act` (RFC 8693 §4.1), `client_id`, `scope` (RFC 9068 §2.2). */
  readonly claims?: JsonObject;
}

/** What says who it is, for how long and how well proven: no contributor or hook changes these. */
const FIXED = ["iss", "sub", "aud", "exp", "iat", "session_id", "aal", "amr", "is_anonymous"];

/** @throws what a contributor throws */
export async function composeClaims(
  state: AuthState,
  caller: Caller,
  user: UserRow,
  session: SessionFacts,
  more: MoreClaims = {},
): Promise<JsonObject> {
  const { issuer } = await state.deps.project(caller.tenant);
  const method = more.method ?? session.amr.at(-1)?.method ?? "token_refresh";
  const subject = { user, session, method };
  let claims = baseClaims(state, issuer, user, session, more.ttlS);
  for (const contribute of CLAIM_CONTRIBUTORS) {
    claims = extend(claims, await contribute(state, caller, subject));
  }
  // Those of organisations too: X-Reactor-Org makes them anew, without asking a hook.
  const fixed = pick(claims, [...FIXED, ...ORG_CLAIMS]);
  for (const rewrite of CLAIM_REWRITERS) {
    claims = { ...(await rewrite(state, caller, subject, claims)), ...fixed };
  }
  return { ...claims, ...more.claims };
}

function baseClaims(
  state: AuthState,
  issuer: string,
  user: UserRow,
  session: SessionFacts,
  ttlS = state.config.access_token_ttl_s,
): JsonObject {
  const issuedAt = Math.floor(state.deps.clock.now() / 1000);
  const ends = [issuedAt + Math.min(ttlS, state.config.access_token_ttl_s)];
  if (session.not_after) ends.push(Math.floor(session.not_after.getTime() / 1000));
  return {
    iss: issuer,
    sub: user.id,
    aud: user.aud,
    exp: Math.min(...ends),
    iat: issuedAt,
    email: user.email ?? "",
    phone: user.phone ?? "",
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    role: user.role,
    aal: session.aal,
    amr: session.amr.map((entry) => ({ ...entry })).reverse(),
    session_id: session.id,
    is_anonymous: user.is_anonymous,
  };
}

/** One claim has one author: two contributors with the same name would hide one another. */
function extend(claims: JsonObject, added: JsonObject): JsonObject {
  for (const name of Object.keys(added)) {
    if (Object.hasOwn(claims, name)) throw new Error(`the claim '${name}' is made twice`);
  }
  return { ...claims, ...added };
}

function pick(claims: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = claims[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
