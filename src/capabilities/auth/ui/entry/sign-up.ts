/** `/auth/ui/sign-up`: a new account by e-mail and password. */
import { signUp } from "../../accounts/sign-up.ts";
import type { TokenAnswer } from "../../sessions/issue-session.ts";
import { startBrowserSession } from "../browser-session.ts";
import { destinationOf, pagePath } from "../errand.ts";
import { type Fault, faultNotice, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";

const PATH = "/auth/ui/sign-up";

export function showSignUp(visit: Visit): Page {
  if (visit.current) return { redirect: destinationOf(visit.errand) };
  return signUpPage(visit, "", null);
}

/** Where addresses are confirmed by mail, the answer is the same for one that has an account. */
export async function takeSignUp(visit: Visit, form: Form): Promise<Page> {
  const { state, caller, request, errand } = visit;
  const body = { email: form("email").trim(), password: form("password") };
  const outcome = await attempt(() => signUp(state, caller, body));
  if ("fault" in outcome) return signUpPage(visit, body.email, outcome.fault);
  if (!isSession(outcome.done)) return checkMailPage(visit, body.email);
  const cookie = await startBrowserSession(state, request, outcome.done);
  return { redirect: destinationOf(errand), cookies: [cookie] };
}

function isSession(answer: object): answer is TokenAnswer {
  return "access_token" in answer;
}

function checkMailPage({ errand }: Visit, email: string): Page {
  return {
    title: "Check your mail",
    body: html`<p>If <strong>${email}</strong> can have an account here, a message is on its way. Follow its
link to confirm the address.</p>
<nav class="links"><a href="${pagePath("/auth/ui/sign-in", errand)}">Back to sign in</a></nav>`,
  };
}

function signUpPage(visit: Visit, email: string, fault: Fault | null): Page {
  const { errand, csrf, state } = visit;
  const fields = html`${field({
    name: "email",
    label: "E-mail address",
    type: "email",
    autocomplete: "username",
    value: email,
    fault,
  })}
${field({
  name: "password",
  label: "Password",
  type: "password",
  autocomplete: "new-password",
  hint: `At least ${state.config.password_min_length} characters. A few random words are good.`,
  fault,
})}`;
  const action = pagePath(PATH, errand);
  return {
    title: "Create an account",
    status: fault?.status ?? 200,
    body: html`<div class="entry">${faultNotice(fault)}
${form({ action, csrf, children: fields, submit: "Create account" })}</div>
<nav class="links"><a href="${pagePath("/auth/ui/sign-in", errand)}">Sign in instead</a></nav>`,
  };
}
