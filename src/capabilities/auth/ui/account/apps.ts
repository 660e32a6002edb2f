/** `/auth/ui/account/apps`: apps that the person has let act for them. */
import { listGrants, revokeGrant } from "../../issuer/authorize/grants.ts";
import { type Fault, form } from "../form-parts.ts";
import { clientName, scopeList } from "../grants/client-card.ts";
import { html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { ACCOUNT, accountPage, backTo, moment } from "./account-page.ts";
import type { Member } from "./member.ts";

const PATH = `${ACCOUNT}/apps`;

export const showApps = (member: Member): Promise<Page> => appsPage(member, null);

export async function takeApps(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const outcome = await attempt(() => revokeGrant(state, caller, current, form("client_id")));
  if ("fault" in outcome) return appsPage(member, outcome.fault);
  return backTo("/apps", "removed");
}

async function appsPage(member: Member, fault: Fault | null): Promise<Page> {
  const { state, caller, current, csrf } = member;
  const grants = await listGrants(state, caller, current);
  const rows = grants.map(({ client, scopes, full_access, granted_at: at }) => {
    const name = clientName(client);
    const allowed = { scope: scopes.join(" "), full_access };
    const end = form({
      action: PATH,
      csrf,
      children: html`<input type="hidden" name="client_id" value="${client.id}">`,
      submit: "Disconnect",
      submitLabel: `Disconnect ${name}`,
      kind: "danger",
    });
    return html`<li><div><strong>${name}</strong> <span class="hint">since ${moment(at)}</span>
${scopeList(allowed)}</div>${end}</li>`;
  });
  return accountPage(member, "/apps", {
    title: "Connected apps",
    fault,
    body:
      grants.length === 0 ? html`<p>No app is connected.</p>` : html`<ul class="rows">${rows}</ul>`,
  });
}
