/** `/auth/ui/account/organizations`: what the person belongs to, making, joining and leaving. */
import { createOrg } from "../../orgs/create-org.ts";
import { acceptInvitation } from "../../orgs/manage-invitations.ts";
import { removeMember } from "../../orgs/manage-members.ts";
import { listOrgs, setDefaultOrg } from "../../orgs/manage-org.ts";
import { type Fault, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { ACCOUNT, accountPage, backTo } from "./account-page.ts";
import type { Member } from "./member.ts";

const PATH = `${ACCOUNT}/organizations`;

export const showOrganizations = (member: Member): Promise<Page> => orgsPage(member, null);

export async function takeOrganizations(member: Member, form: Form): Promise<Page> {
  const { state, caller, current, user } = member;
  const actor = { caller, person: current };
  const [action, org] = [form("action"), form("org")];
  const works: Readonly<Record<string, () => Promise<unknown>>> = {
    create: () => createOrg(state, actor, { name: form("name").trim() }),
    join: () => acceptInvitation(state, actor, { token: form("token").trim() }),
    default: () => setDefaultOrg(state, actor, { org }),
    leave: () => removeMember(state, actor, org, user.id),
  };
  const work = works[action];
  if (!work) return backTo("/organizations", "saved");
  const outcome = await attempt(work);
  if ("fault" in outcome) {
    const field = action === "create" ? "name" : action === "join" ? "token" : null;
    return orgsPage(member, { ...outcome.fault, field });
  }
  return backTo("/organizations", action === "leave" ? "removed" : "saved");
}

async function orgsPage(member: Member, fault: Fault | null): Promise<Page> {
  const { state, caller, current, csrf } = member;
  const { orgs } = await listOrgs(state, { caller, person: current }, new URLSearchParams());
  const rows = orgs.map((org) => orgRow(org, csrf));
  const make = html`<input type="hidden" name="action" value="create">
${field({ name: "name", label: "Name", autocomplete: "organization", maxlength: 100, fault })}`;
  const join = html`<input type="hidden" name="action" value="join">
${field({ name: "token", label: "Code of the invitation", autocomplete: "off", value: member.query.get("invitation") ?? "", fault })}`;
  return accountPage(member, "/organizations", {
    title: "Organizations",
    fault,
    body: html`${rows.length === 0 ? html`<p>You belong to none.</p>` : html`<ul class="rows">${rows}</ul>`}
<h2>Join one</h2>
${form({ action: PATH, csrf, children: join, submit: "Accept the invitation", kind: "secondary" })}
${
  state.config.orgs_self_service
    ? html`<h2>Make one</h2>${form({ action: PATH, csrf, children: make, submit: "Make the organization", kind: "secondary" })}`
    : null
}`,
  });
}

type Org = Awaited<ReturnType<typeof listOrgs>>["orgs"][number];

function orgRow(org: Org, csrf: string) {
  const button = (action: string, submit: string, kind: "secondary" | "danger") =>
    form({
      action: PATH,
      csrf,
      children: html`<input type="hidden" name="org" value="${org.id}"><input type="hidden" name="action" value="${action}">`,
      submit,
      submitLabel: `${submit}: ${org.name}`,
      kind,
    });
  const role = "role" in org ? String(org.role) : "";
  const isDefault = "is_default" in org && org.is_default;
  return html`<li><div><strong>${org.name}</strong> <code>${org.slug}</code><br>
<span class="hint">${role}${isDefault ? ", your default" : null}</span></div>
<div class="stack">${isDefault ? null : button("default", "Make default", "secondary")}
${button("leave", "Leave", "danger")}</div></li>`;
}
