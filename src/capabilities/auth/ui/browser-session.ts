/**
 * A browser that is signed in on the pages. Its cookie holds 32 random bytes that stand for one
 * session of `auth.sessions`, so it shows among the person's devices and ends with it; only the hash
 * is stored. No token reaches the browser. The value changes at each sign-in and at each step up, so
 * a planted one is worth nothing (OWASP ASVS 5.0, 7.2.4).
 */

import { contextOf } from "../../../core/context.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { type CurrentUser, isUuid } from "../accounts/find-current-user.ts";
import { isBanned } from "../accounts/is-banned.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { hasVerifiedFactor } from "../factors/aal.ts";
import type { SessionRow, UserRow } from "../schema.ts";
import type { TokenAnswer } from "../sessions/issue-session.ts";
import { agentOf, COOKIE_TAG, ipOf } from "../sessions/issue-session.ts";
import { hasEnded } from "../sessions/session-life.ts";
import { createStore, inTransaction } from "../store.ts";
import { browserOrigin } from "./browser-origin.ts";
import { createBrowserStore } from "./browser-store.ts";
import { readCookie, setCookie } from "./cookies.ts";

const COOKIE = "reactor-session";
/** A visit counts as use of the session; one write a minute is enough for that. */
const TOUCH_MS = 60_000;

const hashOf = (token: string) =>
  new Uint8Array(new Bun.CryptoHasher("sha256").update(token).digest());

/** Anybody at a browser: pages know nobody by a header. */
export function browserCaller(request: Request): Caller {
  const { tenant, address, log, origin } = contextOf(request);
  const userAgent = request.headers.get("user-agent");
  return { tenant, address, userAgent, origin, log, isService: false };
}

/** Who the cookie names. */
export interface BrowserVisitor {
  readonly user: UserRow;
  readonly session: SessionRow;
  /** They have a second factor and have not used it in this session: nobody yet, for most pages. */
  readonly isPending: boolean;
}

/** The person of the request's cookie; null for nobody, and for who is banned or gone. */
export async function browserVisitor(
  state: AuthState,
  request: Request,
): Promise<BrowserVisitor | null> {
  const token = readCookie(request, await browserOrigin(state, request), COOKIE);
  if (token === null) return null;
  const caller = browserCaller(request);
  const now = state.now();
  const found = await createBrowserStore(state.sql(caller.tenant)).find(hashOf(token), now);
  if (!found) return null;
  const { user, session } = found;
  if (isBanned(user, now) || hasEnded(state, session)) return null;
  const idleMs = now.getTime() - (session.refreshed_at ?? session.created_at).getTime();
  if (idleMs >= TOUCH_MS) {
    const store = createStore(state.sql(caller.tenant));
    await store.markRefreshed(session.id, agentOf(caller), ipOf(caller), now);
  }
  return { user, session, isPending: hasVerifiedFactor(state, user) && session.aal === "aal1" };
}

/** Who is signed in here, with their second factor where they have one; else null. */
export async function browserUser(state: AuthState, request: Request): Promise<CurrentUser | null> {
  const visitor = await browserVisitor(state, request);
  return visitor && !visitor.isPending ? visitor : null;
}

/**
 * Gives the browser the session that a way in has just answered; what the browser held before ends.
 * @param answer of any grant; its tokens go nowhere.
 * @returns the `Set-Cookie` value.
 */
export async function startBrowserSession(
  state: AuthState,
  request: Request,
  answer: TokenAnswer,
): Promise<string> {
  const origin = await browserOrigin(state, request);
  const { tenant } = contextOf(request);
  const sessionId = await sessionOf(state, tenant, answer);
  const before = readCookie(request, origin, COOKIE);
  const token = Buffer.from(state.deps.rng.bytes(32)).toString("base64url");
  const now = state.now();
  const lifeS = state.config.ui.session_s;
  await inTransaction(state.sql(tenant), async (_store, tx) => {
    const store = createBrowserStore(tx);
    if (before !== null) await store.end(hashOf(before), sessionId);
    const expiresAt = new Date(now.getTime() + lifeS * 1000);
    await store.insert({ tokenHash: hashOf(token), sessionId, now, expiresAt, tag: COOKIE_TAG });
  });
  return setCookie(origin, COOKIE, token, lifeS);
}

/** The session that a grant has answered. */
export async function sessionOf(
  state: AuthState,
  tenant: TenantCtx,
  answer: TokenAnswer,
): Promise<string> {
  const credentials = { bearer: answer.access_token, apikey: null };
  const { claims } = await state.client.authenticate(tenant, credentials);
  const { session_id: id } = JSON.parse(claims) as { session_id?: unknown };
  if (!isUuid(id)) throw new Error("the answer of a sign-in names no session");
  return id;
}

/** The `Set-Cookie` value that removes the cookie; ending the session is `logOut`'s work. */
export async function forgetBrowser(state: AuthState, request: Request): Promise<string> {
  return setCookie(await browserOrigin(state, request), COOKIE, "", 0);
}
