/** `/auth/ui/account/providers`: the ways in of others' making; connecting and disconnecting them. */
import { challengeOf } from "../../flows/code-challenge.ts";
import { unlinkIdentity } from "../../identities/unlink-identity.ts";
import { authorizeLink, ownUrl } from "../../providers/authorize.ts";
import type { IdentityRow } from "../../schema.ts";
import { createStore } from "../../store.ts";
import { keepVerifier, providerLabel } from "../entry/provider.ts";
import { pagePath } from "../errand.ts";
import { type Fault, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, onward, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { ACCOUNT, accountPage, backTo, moment } from "./account-page.ts";
import type { Member } from "./member.ts";

const PATH = `${ACCOUNT}/providers`;
const LINK_PATH = `${PATH}/connect`;

export const showProviders = (member: Member): Promise<Page> => providersPage(member, null);

export async function takeProviders(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const id = form("identity_id");
  const outcome = await attempt(() => unlinkIdentity(state, caller, current, id));
  if ("fault" in outcome) return providersPage(member, outcome.fault);
  return backTo("/providers", "removed");
}

/**
 * Which provider, and the way back, stand in the address of the form: the operation reads them there.
 * The identity is added when the callback's page shows the verifier.
 */
export async function takeConnect(member: Member, form: Form): Promise<Page> {
  const { state, caller, current, request, query } = member;
  const verifier = form("verifier");
  if (challengeOf(verifier) !== query.get("code_challenge"))
    return backTo("/providers", "unchanged");
  const outcome = await attempt(() => authorizeLink(state, caller, current, request));
  if ("fault" in outcome) return providersPage(member, outcome.fault);
  const cookies = [await keepVerifier(member, verifier)];
  return {
    ...onward(outcome.done.location, providerLabel(query.get("provider") ?? "")),
    cookies,
  };
}

async function providersPage(member: Member, fault: Fault | null): Promise<Page> {
  const { state, caller, user } = member;
  const identities = await createStore(state.sql(caller.tenant)).identitiesOf([user.id]);
  const connected = new Set(identities.map(({ provider }) => provider));
  const rows = identities.map((identity) => identityRow(member, identity, identities.length));
  const others = state.providers.names.filter((name) => !connected.has(name));
  const canLink = state.config.manual_linking;
  return accountPage(member, "/providers", {
    title: "Sign-in with others",
    fault,
    body: html`<ul class="rows">${rows}</ul>
<div class="stack">${canLink ? others.map((name) => connectForm(member, name)) : null}</div>
${canLink ? null : html`<p class="hint">Accounts of others are connected when you sign in with them.</p>`}`,
  });
}

function identityRow(member: Member, identity: IdentityRow, count: number) {
  const { state, csrf } = member;
  const name =
    identity.provider === "email" ? "E-mail and password" : providerLabel(identity.provider);
  const end = form({
    action: PATH,
    csrf,
    children: html`<input type="hidden" name="identity_id" value="${identity.id}">`,
    submit: "Disconnect",
    submitLabel: `Disconnect ${name}`,
    kind: "danger",
  });
  return html`<li><div><strong>${name}</strong> ${identity.email ?? ""}<br>
<span class="hint">Last used ${moment(identity.last_sign_in_at?.toISOString())}</span></div>
${count > 1 && state.config.manual_linking ? end : null}</li>`;
}

function connectForm({ state, request, csrf }: Member, name: string) {
  const back = pagePath("/auth/ui/callback", { returnTo: `${PATH}?done=added`, login: null });
  const verifier = Buffer.from(state.deps.rng.bytes(32)).toString("base64url");
  const query = new URLSearchParams({
    provider: name,
    redirect_to: new URL(back, ownUrl(state, request)).href,
    code_challenge: challengeOf(verifier),
    code_challenge_method: "s256",
  });
  return form({
    action: `${LINK_PATH}?${query}`,
    csrf,
    children: html`<input type="hidden" name="verifier" value="${verifier}">`,
    submit: `Connect ${providerLabel(name)}`,
    kind: "secondary",
  });
}
