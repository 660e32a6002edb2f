/**
 * `/auth/ui/logout`: an app signs its person out here as well (OpenID Connect RP-Initiated Logout
 * 1.0). At once where it shows an ID token of who is signed in; else the person is asked, because a
 * link alone must not sign anybody out, nor lead anybody away.
 */
import { contextOf } from "../../../../core/context.ts";
import { requireOAuthServer } from "../../issuer/oauth-caller.ts";
import { queryParams } from "../../issuer/read-form.ts";
import { type LogoutHint, type LogoutRequest, readLogout } from "../../issuer/read-logout.ts";
import { endClientSession } from "../../issuer/token/revoke.ts";
import { logOut } from "../../sessions/log-out.ts";
import { createStore } from "../../store.ts";
import { forgetBrowser } from "../browser-session.ts";
import { form } from "../form-parts.ts";
import { html } from "../html.ts";
import { onward, type Page, type Visit } from "../page.ts";

const PATH = "/auth/ui/logout";

export async function showLogout(visit: Visit): Promise<Page> {
  const asked = await read(visit);
  const visitor = visitorOf(visit);
  if (visitor && asked.hint?.userId !== visitor.user.id) return askPage(visit);
  const cookies = await signOut(visit, asked.hint);
  if (asked.target === null) return donePage(asked, cookies);
  // Who was not signed in has agreed to nothing: only where the operator vouches for the address.
  const isKnown = visitor !== null || asked.client?.registration_type === "manual";
  return isKnown ? { redirect: asked.target, cookies } : donePage(asked, cookies);
}

export async function takeLogout(visit: Visit): Promise<Page> {
  const asked = await read(visit);
  const visitor = visitorOf(visit);
  const isTheirs = asked.hint?.userId === visitor?.user.id;
  const cookies = await signOut(visit, isTheirs ? asked.hint : null);
  if (asked.target === null) return donePage(asked, cookies);
  return { ...onward(asked.target, hostOf(asked.target)), cookies };
}

const visitorOf = ({ current, pending }: Visit) => current ?? pending;

const hostOf = (url: string) => URL.parse(url)?.host || "the app";

function read({ state, caller, request }: Visit): Promise<LogoutRequest> {
  requireOAuthServer(state);
  return readLogout(state, caller, queryParams(request), contextOf(request).origin);
}

/** Ends the browser's session, and what the client was given; the `Set-Cookie` values. */
async function signOut(visit: Visit, hint: LogoutHint | null): Promise<string[]> {
  const { state, caller, request } = visit;
  const visitor = visitorOf(visit);
  if (hint?.sessionId) {
    const store = createStore(state.sql(caller.tenant));
    const session = await store.findSession(hint.sessionId);
    const isTheirs = session?.user_id === hint.userId && session.oauth_client_id === hint.clientId;
    if (session && isTheirs && session.revoked_at === null) {
      await endClientSession(state, caller, session);
    }
  }
  if (!visitor) return [];
  await logOut(state, caller, visitor, "local");
  return [await forgetBrowser(state, request)];
}

function askPage({ csrf, request, current, pending }: Visit): Page {
  const { search } = new URL(request.url);
  const user = (current ?? pending)?.user;
  const children = html`<p>You are signed in as <strong>${user?.email ?? user?.phone ?? "a guest"}</strong>. An app asks
that you sign out.</p>`;
  return {
    title: "Sign out?",
    body: html`<div class="entry">${form({ action: `${PATH}${search}`, csrf, children, submit: "Sign out" })}</div>
<nav class="links"><a href="/auth/ui/account">Stay signed in</a></nav>`,
  };
}

function donePage({ target }: LogoutRequest, cookies: readonly string[]): Page {
  return {
    title: "You are signed out",
    cookies,
    body: target
      ? html`<p><a class="button" href="${target}">Go on to ${hostOf(target)}</a></p>`
      : html`<p>You can close this page.</p>`,
  };
}
