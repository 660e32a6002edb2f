/**
 * Who adds to what an access token says. Contributors run in this order, each in its own area's
 * folder; the rewriter runs last and sees everything. They are asked for every token of a person:
 * keep them to one query at most, and what they add small, since it travels with every request.
 */

import type { AuthState, Caller } from "../auth-state.ts";
import { customizeClaims } from "../hooks/customize-claims.ts";
import { contributeOrgClaims } from "../orgs/org-claims.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import type { SessionFacts } from "./compose-claims.ts";

/** Whom a token is about. */
export interface ClaimSubject {
  readonly user: UserRow;
  readonly session: SessionFacts;
  /** The way in for which the token is made, as in `amr`, or `token_refresh`. */
  readonly method: string;
}

/** More claims; a name that another has set already is a defect and refused. */
export type ClaimContributor = (
  state: AuthState,
  caller: Caller,
  subject: ClaimSubject,
) => Promise<JsonObject> | JsonObject;

/** The whole set of claims, changed. Those that say who it is cannot be. */
export type ClaimRewriter = (
  state: AuthState,
  caller: Caller,
  subject: ClaimSubject,
  claims: JsonObject,
) => Promise<JsonObject> | JsonObject;

export const CLAIM_CONTRIBUTORS: readonly ClaimContributor[] = [contributeOrgClaims];

export const CLAIM_REWRITERS: readonly ClaimRewriter[] = [customizeClaims];
