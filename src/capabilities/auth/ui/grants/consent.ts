/** `/auth/ui/consent`: a person lets an app act for them, or does not (OAuth 2.1 §4.1.1). */
import { ReactorError } from "../../../../core/errors.ts";
import {
  type AuthorizationDetails,
  approveAuthorization,
  denyAuthorization,
  describeAuthorization,
  releaseAuthorization,
} from "../../issuer/authorizations.ts";
import type { Member } from "../account/member.ts";
import { pagePath } from "../errand.ts";
import { decisionForm, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { onward, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { clientName, clientNotice, scopeList } from "./client-card.ts";

const PATH = "/auth/ui/consent";

export async function showConsent(member: Member): Promise<Page> {
  const { state, caller, current, query } = member;
  const id = query.get("authorization_id") ?? "";
  try {
    const asked = await describeAuthorization(state, caller, current, id);
    if ("redirect_url" in asked) return back(asked.redirect_url);
    return consentPage(member, asked);
  } catch (error) {
    if (needsNewSignIn(error)) return signInAgain(id);
    throw error;
  }
}

export async function takeConsent(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const id = form("authorization_id");
  if (form("decision") === "leave") {
    await releaseAuthorization(state, caller, current, id);
    return { redirect: pagePath("/auth/ui/sign-out", errandOf(id)) };
  }
  const decide = form("decision") === "approve" ? approveAuthorization : denyAuthorization;
  try {
    return back((await decide(state, caller, current, id)).redirect_url);
  } catch (error) {
    if (needsNewSignIn(error)) return signInAgain(id);
    throw error;
  }
}

function back(url: string): Page {
  return onward(url, URL.parse(url)?.host || "the app");
}

const needsNewSignIn = (error: unknown) =>
  error instanceof ReactorError && error.code === "reauthentication_needed";

function consentPage({ state, csrf, user }: Member, asked: AuthorizationDetails): Page {
  const { client, redirect_uri: redirectUri } = asked;
  const target = URL.parse(redirectUri);
  const where = target?.host || (target?.protocol.replace(/:$/, "") ?? "");
  const id = html`<input type="hidden" name="authorization_id" value="${asked.authorization_id}">`;
  return {
    title: `Connect ${clientName(client)} to your account?`,
    body: html`<div class="entry stack">
<p>You are signed in as <strong>${user.email ?? user.phone}</strong>.</p>
${form({
  action: PATH,
  csrf,
  children: html`${id}<input type="hidden" name="decision" value="leave">`,
  submit: "This is not me",
  kind: "secondary",
})}
<p><strong>${clientName(client)}</strong> asks to:</p>
${scopeList(asked)}
${clientNotice({ client, isUnvouched: asked.registration_type === "dynamic" }, state)}
<p>Afterwards you are taken to <code>${where}</code>.</p>
${decisionForm({
  action: PATH,
  csrf,
  children: id,
  approve: "Allow",
  deny: "Do not allow",
})}</div>`,
  };
}

/** The client wants a sign-in that is newer than this session. */
function signInAgain(id: string): Page {
  return {
    title: "Please sign in again",
    body: html`<p>The app asks for a new sign-in before it goes on.</p>
<p><a class="button" href="${pagePath("/auth/ui/sign-out", errandOf(id))}">Sign in again</a></p>`,
  };
}

/** Back to this request after another sign-in. */
const errandOf = (id: string) => ({
  returnTo: `${PATH}?${new URLSearchParams({ authorization_id: id })}`,
  login: null,
});
