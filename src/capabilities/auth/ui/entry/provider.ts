/**
 * `/auth/ui/provider` and `/auth/ui/callback`: signs in through a provider. The pages are a client of
 * `/auth/v1` like any other: they leave with a PKCE challenge and exchange the code they come back
 * with; the verifier waits in a cookie.
 */
import { challengeOf } from "../../flows/code-challenge.ts";
import { grantPkce } from "../../flows/grant-pkce.ts";
import { ownUrl } from "../../providers/authorize.ts";
import type { TokenAnswer } from "../../sessions/issue-session.ts";
import { createStore } from "../../store.ts";
import { browserOrigin } from "../browser-origin.ts";
import { sessionOf } from "../browser-session.ts";
import { readCookie, setCookie } from "../cookies.ts";
import { continuePath, pagePath } from "../errand.ts";
import { faultNotice, form } from "../form-parts.ts";
import { type Html, html } from "../html.ts";
import { attempt, onward, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";
import { arrive } from "./arrive.ts";

const COOKIE = "reactor-verifier";
const COOKIE_S = 600;

/** As their makers write them; others by the name they have in the configuration. */
const NAMES: Readonly<Record<string, string>> = {
  github: "GitHub",
  gitlab: "GitLab",
  linkedin: "LinkedIn",
  linkedin_oidc: "LinkedIn",
  azure: "Microsoft",
  microsoft: "Microsoft",
  twitter: "X",
  workos: "WorkOS",
};

export const providerLabel = (name: string) =>
  NAMES[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll(/[_-]/g, " ");

/** One button a provider. */
export function providerButtons({ state, errand, csrf }: Visit): Html | null {
  const { names } = state.providers;
  if (names.length === 0) return null;
  const buttons = names.map((name) =>
    form({
      action: pagePath("/auth/ui/provider", errand),
      csrf,
      children: html`<input type="hidden" name="provider" value="${name}">`,
      submit: `Continue with ${providerLabel(name)}`,
      kind: "secondary",
    }),
  );
  return html`<p class="or">or</p>${buttons}`;
}

export async function takeProvider(visit: Visit, form: Form): Promise<Page> {
  const { state, request, errand } = visit;
  const name = form("provider");
  if (!state.providers.find(name)) return { redirect: pagePath("/auth/ui/sign-in", errand) };
  const verifier = Buffer.from(state.deps.rng.bytes(32)).toString("base64url");
  const own = ownUrl(state, request);
  const query = new URLSearchParams({
    provider: name,
    redirect_to: new URL(pagePath("/auth/ui/callback", errand), own).href,
    code_challenge: challengeOf(verifier),
    code_challenge_method: "s256",
  });
  const cookies = [await keepVerifier(visit, verifier)];
  return { ...onward(`${own}/authorize?${query}`, providerLabel(name)), cookies };
}

/** Keeps the verifier for the way back; the `Set-Cookie` value. */
export async function keepVerifier({ state, request }: Visit, verifier: string): Promise<string> {
  return setCookie(await browserOrigin(state, request), COOKIE, verifier, COOKIE_S);
}

export async function showCallback(visit: Visit): Promise<Page> {
  const { state, caller, request, query } = visit;
  const said = query.get("error_description") ?? query.get("error");
  if (said !== null) return failedPage(visit, said);
  const origin = await browserOrigin(state, request);
  const body = {
    auth_code: query.get("code") ?? "",
    code_verifier: readCookie(request, origin, COOKIE) ?? "",
  };
  const outcome = await attempt(() => grantPkce(state, caller, body));
  if ("fault" in outcome) return failedPage(visit, outcome.fault.message);
  const page = await enter(visit, outcome.done);
  return { ...page, cookies: [...(page.cookies ?? []), setCookie(origin, COOKIE, "", 0)] };
}

/** Who has connected a provider stays in the session they were in: it may have seen more proof. */
async function enter(visit: Visit, answer: TokenAnswer): Promise<Page> {
  const { state, caller, current, errand } = visit;
  if (!current || answer.user["id"] !== current.user.id) return arrive(visit, answer);
  const only = await sessionOf(state, caller.tenant, answer);
  await createStore(state.sql(caller.tenant)).deleteSessions(current.user.id, { only });
  return { redirect: continuePath(errand) };
}

const SAID_MAX = 300;

function failedPage({ errand }: Visit, said: string): Page {
  const message = said.slice(0, SAID_MAX);
  return {
    title: "That did not work",
    status: 400,
    body: html`${faultNotice({ status: 400, message, field: null })}
<nav class="links"><a href="${pagePath("/auth/ui/sign-in", errand)}">Back to sign in</a></nav>`,
  };
}
