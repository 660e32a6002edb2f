/**
 * `/auth/ui/continue`: where every way in ends. Asks for the second factor, then takes people to where
 * they wanted to go: a page of ours, or the app that had its sign-in done here, with a code that the
 * app exchanges with its PKCE verifier (RFC 7636; `grant_type=pkce`).
 */
import { readCodeChallenge } from "../../flows/code-challenge.ts";
import { beginFlow, finishFlow } from "../../flows/flow-state.ts";
import { allowedRedirect } from "../../http/redirects.ts";
import { inTransaction } from "../../store.ts";
import type { BrowserVisitor } from "../browser-session.ts";
import { HOME, type HostedLogin, pagePath } from "../errand.ts";
import { uiErrors } from "../errors.ts";
import { onward, onwardIfMeant, type Page, type Visit } from "../page.ts";

export async function showContinue(visit: Visit): Promise<Page> {
  const { current, pending, errand } = visit;
  if (pending) return { redirect: pagePath("/auth/ui/mfa", errand) };
  if (!current) return { redirect: pagePath("/auth/ui/sign-in", errand) };
  if (errand.login) return finishLogin(visit, current, errand.login);
  const path = errand.returnTo ?? HOME;
  return path.startsWith("/auth/ui/") ? { redirect: path } : onward(path, "the app");
}

/** @throws redirect_not_allowed, validation_failed */
async function finishLogin(
  { state, caller, request }: Visit,
  { user, session }: BrowserVisitor,
  login: HostedLogin,
): Promise<Page> {
  const target = allowedTarget({ state, request }, login);
  const method = session.amr.at(-1)?.method ?? "password";
  const { codeChallenge, codeChallengeMethod } = login;
  const start = { codeChallenge, codeChallengeMethod, method, provider: "email", userId: user.id };
  const code = await inTransaction(state.sql(caller.tenant), async (_store, tx) => {
    const flowId = await beginFlow(state, tx, start);
    if (flowId === null) throw uiErrors.login_without_challenge();
    const { aal, amr, factor_id: factorId, not_after: notAfter } = session;
    const proof = { aal, amr, factorId };
    // What the app is given is the same sign-in, and ends with it.
    const load = { tokens: null, proof, endsAtMs: notAfter?.getTime() ?? null };
    return finishFlow(state, tx, flowId, user.id, load);
  });
  target.searchParams.set("code", code);
  if (login.state !== "") target.searchParams.set("state", login.state);
  return /^https?:$/.test(target.protocol)
    ? onward(target.href, target.host)
    : onwardIfMeant(target.href, user.email ?? user.phone ?? "a guest");
}

/**
 * The app's address, when the app may have its sign-ins done here; pages ask this before they show a
 * form, so that nobody types a password for an app that cannot be answered.
 * @throws redirect_not_allowed, validation_failed (the challenge)
 */
export function allowedTarget(
  { state, request }: Pick<Visit, "state" | "request">,
  { redirectTo, codeChallenge, codeChallengeMethod }: HostedLogin,
): URL {
  const wanted = URL.parse(redirectTo);
  const allowed = allowedRedirect(state, request, redirectTo);
  if (wanted) wanted.hash = "";
  if (!wanted || wanted.href !== allowed) throw uiErrors.redirect_not_allowed();
  if (!readCodeChallenge(state, codeChallenge, codeChallengeMethod)) {
    throw uiErrors.login_without_challenge();
  }
  return wanted;
}
