/** `/auth/ui/sign-in`: by address or number and password, with the other ways beside it. */
import { grantPassword } from "../../accounts/grant-password.ts";
import { relyingParty } from "../../passkeys/relying-party.ts";
import { captchaField, captchaIn, captchaWidget } from "../captcha.ts";
import { pagePath } from "../errand.ts";
import { type Fault, faultNotice, field, form } from "../form-parts.ts";
import { type Html, html } from "../html.ts";
import { attempt, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";
import { addressField, addressOf } from "./address.ts";
import { arrive } from "./arrive.ts";
import { providerButtons } from "./provider.ts";

const FORM = "sign-in";
const BY_PASSKEY = "Sign in with a passkey";

export const showSignIn = (visit: Visit) => signInPage(visit, "", null);

export async function takeSignIn(visit: Visit, form: Form): Promise<Page> {
  const { state, caller } = visit;
  const typed = form("email").trim();
  const password = form("password");
  const body = { ...addressOf(visit, typed), password, ...captchaIn(state, form) };
  const outcome = await attempt(() => grantPassword(state, caller, body));
  if ("fault" in outcome) return signInPage(visit, typed, outcome.fault);
  return arrive(visit, outcome.done);
}

export function signInPage(visit: Visit, email: string, fault: Fault | null): Page {
  const { errand, csrf, state } = visit;
  const fields = html`${addressField(visit, email, fault)}
${field({ name: "password", label: "Password", type: "password", autocomplete: "current-password", fault })}
${captchaField(state)}`;
  const action = pagePath("/auth/ui/sign-in", errand);
  const link = (path: string, text: string) =>
    html`<a href="${pagePath(path, errand)}">${text}</a>`;
  return {
    title: "Sign in",
    status: fault?.status ?? 200,
    captcha: true,
    body: html`<div class="entry stack">${faultNotice(fault)}
${form({ action, csrf, children: fields, submit: "Sign in", id: FORM })}
${passkeyButton(visit)}
${providerButtons(visit)}</div>
<nav class="links" aria-label="Other ways">
${link("/auth/ui/recover", "Forgot your password?")}
${link("/auth/ui/code", "Sign in with a code")}
${state.config.ui.sso ? link("/auth/ui/sso", "Single sign-on") : null}
${state.config.disable_signup ? null : link("/auth/ui/sign-up", "Create an account")}
</nav>`,
  };
}

function passkeyButton({ state, caller, errand, csrf }: Visit): Html | null {
  if (!state.config.passkeys || relyingParty(state, caller) === null) return null;
  const action = pagePath("/auth/ui/passkey", errand);
  // The same form with another address: one captcha for both.
  if (captchaWidget(state)) {
    return html`<button type="submit" form="${FORM}" formaction="${action}" formnovalidate
  class="secondary">${BY_PASSKEY}</button>`;
  }
  return form({
    action,
    csrf,
    children: null,
    submit: BY_PASSKEY,
    kind: "secondary",
  });
}
