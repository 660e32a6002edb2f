/** `/auth/ui/sign-in`: by address or number and password, with the other ways beside it. */
import { grantPassword } from "../../accounts/grant-password.ts";
import { relyingParty } from "../../passkeys/relying-party.ts";
import { pagePath } from "../errand.ts";
import { type Fault, faultNotice, field, form } from "../form-parts.ts";
import { type Html, html } from "../html.ts";
import { attempt, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";
import { addressField, addressOf } from "./address.ts";
import { arrive } from "./arrive.ts";
import { providerButtons } from "./provider.ts";

export const showSignIn = (visit: Visit) => signInPage(visit, "", null);

export async function takeSignIn(visit: Visit, form: Form): Promise<Page> {
  const { state, caller } = visit;
  const typed = form("email").trim();
  const body = { ...addressOf(visit, typed), password: form("password") };
  const outcome = await attempt(() => grantPassword(state, caller, body));
  if ("fault" in outcome) return signInPage(visit, typed, outcome.fault);
  return arrive(visit, outcome.done);
}

function signInPage(visit: Visit, email: string, fault: Fault | null): Page {
  const { errand, csrf, state } = visit;
  const fields = html`${addressField(visit, email, fault)}
${field({ name: "password", label: "Password", type: "password", autocomplete: "current-password", fault })}`;
  const action = pagePath("/auth/ui/sign-in", errand);
  const link = (path: string, text: string) =>
    html`<a href="${pagePath(path, errand)}">${text}</a>`;
  return {
    title: "Sign in",
    status: fault?.status ?? 200,
    body: html`<div class="entry stack">${faultNotice(fault)}
${form({ action, csrf, children: fields, submit: "Sign in" })}
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
  return form({
    action: pagePath("/auth/ui/passkey", errand),
    csrf,
    children: null,
    submit: "Sign in with a passkey",
    kind: "secondary",
  });
}
