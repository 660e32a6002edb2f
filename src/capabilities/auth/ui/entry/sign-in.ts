/** `/auth/ui/sign-in`: by e-mail and password. */
import { grantPassword } from "../../accounts/grant-password.ts";
import { startBrowserSession } from "../browser-session.ts";
import { destinationOf, pagePath } from "../errand.ts";
import { type Fault, faultNotice, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";

const PATH = "/auth/ui/sign-in";

/** Who is signed in goes on at once. */
export function showSignIn(visit: Visit): Page {
  if (visit.current) return { redirect: destinationOf(visit.errand) };
  return signInPage(visit, "", null);
}

export async function takeSignIn(visit: Visit, form: Form): Promise<Page> {
  const { state, caller, request, errand } = visit;
  const body = { email: form("email").trim(), password: form("password") };
  const outcome = await attempt(() => grantPassword(state, caller, body));
  if ("fault" in outcome) return signInPage(visit, body.email, outcome.fault);
  const cookie = await startBrowserSession(state, request, outcome.done);
  return { redirect: destinationOf(errand), cookies: [cookie] };
}

function signInPage(visit: Visit, email: string, fault: Fault | null): Page {
  const { errand, csrf, state } = visit;
  const fields = html`${field({
    name: "email",
    label: "E-mail address",
    type: "email",
    autocomplete: "username",
    value: email,
    fault,
  })}
${field({ name: "password", label: "Password", type: "password", autocomplete: "current-password", fault })}`;
  const action = pagePath(PATH, errand);
  const signUp = html`<a href="${pagePath("/auth/ui/sign-up", errand)}">Create an account</a>`;
  return {
    title: "Sign in",
    status: fault?.status ?? 200,
    body: html`<div class="entry">${faultNotice(fault)}
${form({ action, csrf, children: fields, submit: "Sign in" })}</div>
<nav class="links" aria-label="Other ways">${state.config.disable_signup ? null : signUp}</nav>`,
  };
}
