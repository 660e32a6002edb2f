/**
 * What stands behind the `state` parameter: made when a browser leaves for a provider, used once when
 * it comes back, and only by the same browser (RFC 9700 §4.7: a callback that a stranger's browser is
 * sent to signs nobody in and links nothing).
 */
import { timingSafeEqual } from "node:crypto";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { hashFlowCode, isFlowCode, newFlowCode } from "../flows/flow-code.ts";
import { openBy, sealBy } from "../flows/seal-by.ts";
import { createOauthStateStore, type OauthStateRow } from "./oauth-state-store.ts";

/** Sealed by the state. */
export interface OauthSecrets {
  /** As sent to the provider; null when it takes none. */
  readonly nonce: string | null;
  readonly verifier: string | null;
  readonly redirectUri: string;
}

export interface LeavingFor {
  readonly provider: string;
  readonly redirectTo: string;
  readonly flowId: string | null;
  readonly linkUserId: string | null;
  readonly secrets: OauthSecrets;
}

/** People choose an account, look for their telephone, type a code. */
export const STATE_TTL_MS = 10 * 60 * 1000;

export const newSecret = (state: AuthState) => newFlowCode(state.deps.rng);

/** @param browser the secret in the browser's cookie. */
export async function keepState(
  state: AuthState,
  sql: Parameters<typeof createOauthStateStore>[0],
  value: string,
  leaving: LeavingFor,
  browser: string,
): Promise<void> {
  const waiting = { ticketHash: null, sealedLocation: null };
  await insert(state, sql, value, leaving, { ...waiting, browserHash: hashFlowCode(browser) });
}

/** For a sign-in that a script begins: the ticket by which its browser leaves (`redeemTicket`). */
export async function keepTicket(
  state: AuthState,
  sql: Parameters<typeof createOauthStateStore>[0],
  value: string,
  leaving: LeavingFor,
  location: string,
): Promise<string> {
  const ticket = newSecret(state);
  const sealedLocation = await sealBy(state.deps.rng, ticket, location);
  const waiting = { ticketHash: hashFlowCode(ticket), sealedLocation, browserHash: null };
  await insert(state, sql, value, leaving, waiting);
  return ticket;
}

async function insert(
  state: AuthState,
  sql: Parameters<typeof createOauthStateStore>[0],
  value: string,
  { provider, redirectTo, flowId, linkUserId, secrets }: LeavingFor,
  waiting: {
    readonly ticketHash: Uint8Array | null;
    readonly sealedLocation: Uint8Array | null;
    readonly browserHash: Uint8Array | null;
  },
): Promise<void> {
  await createOauthStateStore(sql).insert({
    ...waiting,
    stateHash: hashFlowCode(value),
    provider,
    redirectTo,
    flowId,
    linkUserId,
    sealed: await sealBy(state.deps.rng, value, secrets),
    now: state.now(),
  });
}

/**
 * Where the browser goes that brings a ticket. Without PKCE nothing but the page it comes from tells
 * that it is the browser of the person who links, and not of somebody who was sent the address: their
 * identity would open the account of another.
 * @param referer of the request; null = it names no page.
 * @throws bad_oauth_state
 */
export async function redeemTicket(
  state: AuthState,
  sql: Parameters<typeof createOauthStateStore>[0],
  ticket: string,
  browser: string,
  referer: string | null,
): Promise<string> {
  if (!isFlowCode(ticket)) throw authErrors.bad_oauth_state("The ticket is malformed");
  const since = new Date(state.deps.clock.now() - STATE_TTL_MS);
  const store = createOauthStateStore(sql);
  const found = await store.redeem(hashFlowCode(ticket), hashFlowCode(browser), since);
  if (!found) throw authErrors.bad_oauth_state("The ticket was used, or is too old");
  const isBound = found.link_user_id === null || found.flow_id !== null;
  if (!isBound && !isSameSite(referer, found.redirect_to)) {
    throw authErrors.bad_oauth_state(
      "Without PKCE an identity is linked from a page of the app only",
    );
  }
  return openBy<string>(ticket, found.sealed_location);
}

function isSameSite(referer: string | null, target: string): boolean {
  const [from, to] = [URL.parse(referer ?? ""), URL.parse(target)];
  return from !== null && /^https?:$/.test(from.protocol) && from.origin === to?.origin;
}

/**
 * The state that a callback brings, taken out of the table. `isHere` says whether it may be acted on:
 * it is young, and this is the browser that left.
 */
export async function takeState(
  state: AuthState,
  sql: Parameters<typeof createOauthStateStore>[0],
  value: string,
  browser: string | null,
): Promise<{ readonly row: OauthStateRow; readonly isHere: boolean } | null> {
  if (!isFlowCode(value)) return null;
  const row = await createOauthStateStore(sql).take(hashFlowCode(value));
  if (!row || row.created_at.getTime() + STATE_TTL_MS <= state.deps.clock.now()) return null;
  const { browser_hash: left } = row;
  const isHere = left !== null && browser !== null && timingSafeEqual(left, hashFlowCode(browser));
  return { row, isHere };
}

/** The state that a response brings by way of a form, which is acted on later: it stays. */
export async function findState(
  state: AuthState,
  sql: Parameters<typeof createOauthStateStore>[0],
  value: string,
): Promise<OauthStateRow | null> {
  if (!isFlowCode(value)) return null;
  const since = new Date(state.deps.clock.now() - STATE_TTL_MS);
  return createOauthStateStore(sql).find(hashFlowCode(value), since);
}

export const secretsOf = (value: string, row: OauthStateRow) =>
  openBy<OauthSecrets>(value, row.sealed);
