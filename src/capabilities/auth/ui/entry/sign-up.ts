/** `/auth/ui/sign-up`: a new account by e-mail address and password. */
import { signUp } from "../../accounts/sign-up.ts";
import { captchaField, captchaIn } from "../captcha.ts";
import { pagePath } from "../errand.ts";
import { type Fault, faultNotice, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";
import { verifyPage } from "../ready-page.ts";
import { arrive, isSession } from "./arrive.ts";
import { codePage } from "./code.ts";

export const showSignUp = (visit: Visit) => signUpPage(visit, "", null);

/** Where addresses are confirmed by mail, the answer is the same for one that has an account. */
export async function takeSignUp(visit: Visit, form: Form): Promise<Page> {
  const { state, caller, errand } = visit;
  const link = verifyPage(state, caller, errand);
  const typed = { email: form("email").trim(), password: form("password") };
  const body = { ...typed, ...captchaIn(state, form) };
  const outcome = await attempt(() => signUp(state, caller, body, link));
  if ("fault" in outcome) return signUpPage(visit, body.email, outcome.fault);
  if (isSession(outcome.done)) return arrive(visit, outcome.done);
  return codePage(visit, "signup", body.email, null);
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
${newPasswordField(visit, fault)}
${captchaField(state)}`;
  const action = pagePath("/auth/ui/sign-up", errand);
  return {
    title: "Create an account",
    status: fault?.status ?? 200,
    captcha: !state.config.disable_signup,
    body: html`<div class="entry">${faultNotice(fault)}
${
  state.config.disable_signup
    ? html`<p>Accounts are made by whoever runs this service.</p>`
    : form({ action, csrf, children: fields, submit: "Create account" })
}</div>
<nav class="links"><a href="${pagePath("/auth/ui/sign-in", errand)}">Sign in instead</a></nav>`,
  };
}

/** The field for a password that is yet to be chosen. */
export function newPasswordField({ state }: Visit, fault: Fault | null, label = "Password") {
  return field({
    name: "password",
    label,
    type: "password",
    autocomplete: "new-password",
    hint: `At least ${state.config.password_min_length} characters. A few random words are good.`,
    fault,
  });
}
