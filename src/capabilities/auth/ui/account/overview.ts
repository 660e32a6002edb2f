/** `/auth/ui/account`: who is signed in, and how well the account is kept. */
import { createStore } from "../../store.ts";
import { type Child, html } from "../html.ts";
import type { Page } from "../page.ts";
import { accountPage, moment } from "./account-page.ts";
import type { Member } from "./member.ts";

export async function showOverview(member: Member): Promise<Page> {
  const { state, caller, user } = member;
  const identities = await createStore(state.sql(caller.tenant)).identitiesOf([user.id]);
  const factors = user.factors.filter(({ status }) => status === "verified");
  const row = (name: string, value: Child) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return accountPage(member, "", {
    title: "Your account",
    body: html`<p>You are signed in as <strong>${user.email ?? user.phone ?? "a guest"}</strong>.</p>
<dl class="facts">
${row("Last sign-in", moment(user.last_sign_in_at?.toISOString()))}
${row("Ways in", [...new Set(identities.map(({ provider }) => provider))].join(", ") || "none")}
${row("Two-factor sign-in", factors.length === 0 ? "off" : "on")}
${row("Account number", user.id)}
</dl>`,
  });
}
