/** `/auth/ui/passkey`: asks for a passkey, then signs in with it. Two forms: the first has no answer yet. */
import { passkeyAuthenticationOptions, signInWithPasskey } from "../../passkeys/sign-in-passkey.ts";
import type { JsonObject } from "../../schema.ts";
import { captchaIn, captchaWidget } from "../captcha.ts";
import { pagePath } from "../errand.ts";
import { type Fault, faultNotice } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";
import { webAuthnBody, webAuthnForm } from "../webauthn-form.ts";
import { arrive } from "./arrive.ts";
import { signInPage } from "./sign-in.ts";

/** Nothing to see without having asked. */
export const showPasskey = ({ errand }: Visit): Page => ({
  redirect: pagePath("/auth/ui/sign-in", errand),
});

export async function takePasskey(visit: Visit, form: Form): Promise<Page> {
  const { state, caller } = visit;
  if (form("challenge_id") === "") return passkeyPage(visit, captchaIn(state, form), null);
  const outcome = await attempt(() => signInWithPasskey(state, caller, webAuthnBody(form)));
  if (!("fault" in outcome)) return arrive(visit, outcome.done);
  // Another challenge takes another captcha, which is solved there.
  if (captchaWidget(state)) return signInPage(visit, "", outcome.fault);
  return passkeyPage(visit, {}, outcome.fault);
}

async function passkeyPage(visit: Visit, captcha: JsonObject, fault: Fault | null): Promise<Page> {
  const { state, caller, errand, csrf } = visit;
  const begun = await attempt(() => passkeyAuthenticationOptions(state, caller, captcha));
  if ("fault" in begun) return signInPage(visit, "", begun.fault);
  const { challenge_id: challengeId, options } = begun.done;
  const action = pagePath("/auth/ui/passkey", errand);
  return {
    title: "Sign in with a passkey",
    status: fault?.status ?? 200,
    script: true,
    body: html`<div class="entry">${faultNotice(fault)}
<p>Your device will ask for your fingerprint, face or PIN.</p>
${webAuthnForm({ action, csrf, kind: "get", challengeId, options, submit: "Use a passkey" })}</div>
<nav class="links"><a href="${pagePath("/auth/ui/sign-in", errand)}">Use another way</a></nav>`,
  };
}
