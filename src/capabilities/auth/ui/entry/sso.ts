/** `/auth/ui/sso`: signs in at the identity provider of somebody's organisation, found by their address. */
import { challengeOf } from "../../flows/code-challenge.ts";
import { ownUrl } from "../../providers/authorize.ts";
import { beginSso } from "../../saml/begin-sso.ts";
import { pagePath } from "../errand.ts";
import { type Fault, faultNotice, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, onward, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";
import { keepVerifier } from "./provider.ts";

const PATH = "/auth/ui/sso";

export const showSso = (visit: Visit): Page => ssoPage(visit, "", null);

export async function takeSso(visit: Visit, form: Form): Promise<Page> {
  const { state, caller, request, errand } = visit;
  const email = form("email").trim();
  const verifier = Buffer.from(state.deps.rng.bytes(32)).toString("base64url");
  const body = {
    domain: email.slice(email.lastIndexOf("@") + 1),
    redirect_to: new URL(pagePath("/auth/ui/callback", errand), ownUrl(state, request)).href,
    code_challenge: challengeOf(verifier),
    code_challenge_method: "s256",
  };
  const outcome = await attempt(() => beginSso(state, caller, request, body));
  if ("fault" in outcome) return ssoPage(visit, email, { ...outcome.fault, field: "email" });
  const cookies = [await keepVerifier(visit, verifier)];
  return { ...onward(outcome.done, "your organisation"), cookies };
}

function ssoPage({ errand, csrf }: Visit, email: string, fault: Fault | null): Page {
  const address = field({
    name: "email",
    label: "Work e-mail address",
    type: "email",
    autocomplete: "username",
    value: email,
    fault,
  });
  return {
    title: "Single sign-on",
    status: fault?.status ?? 200,
    body: html`<div class="entry">${faultNotice(fault)}
<p>You will sign in where your organisation does.</p>
${form({ action: pagePath(PATH, errand), csrf, children: address, submit: "Continue" })}</div>
<nav class="links"><a href="${pagePath("/auth/ui/sign-in", errand)}">Back to sign in</a></nav>`,
  };
}
