/** `/auth/ui/account/api-keys`: keys by which programs act as the person. */
import { escapeControls } from "../../../../core/pretty-log.ts";
import { createKey } from "../../api-keys/create-key.ts";
import { decideAction, listActions } from "../../api-keys/manage-actions.ts";
import { approveKey, listKeys, revokeKey } from "../../api-keys/manage-keys.ts";
import { type Fault, field, form } from "../form-parts.ts";
import { type Html, html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { ACCOUNT, accountPage, backTo, moment } from "./account-page.ts";
import type { Member } from "./member.ts";

const PATH = `${ACCOUNT}/api-keys`;
const DAY_S = 86_400;

const actorOf = ({ caller, current }: Member) => ({ caller, person: current });

export const showApiKeys = (member: Member): Promise<Page> => keysPage(member, null);

export async function takeApiKeys(member: Member, form: Form): Promise<Page> {
  const { state } = member;
  if (form("approval_id") !== "") return decide(member, form);
  const id = form("key_id");
  if (id === "") return makeKey(member, form);
  const change = form("action") === "approve" ? approveKey : revokeKey;
  const outcome = await attempt<unknown>(() => change(state, actorOf(member), id));
  if ("fault" in outcome) return keysPage(member, outcome.fault);
  return backTo("/api-keys", form("action") === "approve" ? "saved" : "removed");
}

async function decide(member: Member, form: Form): Promise<Page> {
  const decision = form("action") === "approve" ? "approved" : "denied";
  const outcome = await attempt(() =>
    decideAction(member.state, actorOf(member), form("approval_id"), decision),
  );
  return "fault" in outcome ? keysPage(member, outcome.fault) : backTo("/api-keys", "saved");
}

async function makeKey(member: Member, form: Form): Promise<Page> {
  const days = Number(form("days"));
  const scopes = form("scopes")
    .split(/[\s,]+/)
    .filter((scope) => scope !== "");
  const body = {
    name: form("name").trim(),
    kind: form("kind") === "user" ? "user" : "agent",
    requires_approval: form("kind") === "asking",
    scopes: scopes.length === 0 ? ["*"] : scopes,
    ...(days > 0 ? { expires_in: days * DAY_S } : {}),
  };
  const outcome = await attempt(() => createKey(member.state, actorOf(member), body));
  if ("fault" in outcome) return keysPage(member, { ...outcome.fault, field: "name" });
  return accountPage(member, "/api-keys", {
    title: "Your new key",
    body: html`<p>Copy it now: it is not shown again.</p>
<p><code>${outcome.done.key}</code></p>
<p><a class="button" href="${PATH}">I have kept it</a></p>`,
  });
}

async function keysPage(member: Member, fault: Fault | null): Promise<Page> {
  const { state, csrf } = member;
  const { api_keys: keys } = await listKeys(state, actorOf(member), new URLSearchParams());
  const { approvals } = await listActions(state, actorOf(member), new URLSearchParams());
  const waiting = approvals.map((approval) => approvalRow(approval, csrf));
  const rows = keys.filter(({ status }) => status !== "revoked").map((key) => keyRow(key, csrf));
  const children = html`${field({ name: "name", label: "Name", autocomplete: "off", maxlength: 100, fault })}
<div class="field"><label for="kind">Who uses it</label>
<select id="kind" name="kind"><option value="user">A program of mine</option><option value="agent">An agent</option><option value="asking">An agent that asks before each request</option></select></div>
${field({ name: "scopes", label: "What it may do", hint: "Permissions like data:todos:read, with spaces between. Empty: all that you may.", autocomplete: "off", optional: true, fault })}
<div class="field"><label for="days">Ends after</label>
<select id="days" name="days"><option value="30">30 days</option><option value="90">90 days</option><option value="365">a year</option><option value="0">never</option></select></div>`;
  return accountPage(member, "/api-keys", {
    title: "API keys",
    fault,
    body: html`${waiting.length === 0 ? null : html`<h2>Waiting for you</h2><ul class="rows">${waiting}</ul>`}
${rows.length === 0 ? html`<p>You have no keys.</p>` : html`<ul class="rows">${rows}</ul>`}
<h2>New key</h2>
${form({ action: PATH, csrf, children, submit: "Make the key" })}`,
  });
}

type Approval = Awaited<ReturnType<typeof listActions>>["approvals"][number];

/** Lines as they are, and nothing that a browser would not show, or in another order. */
const legible = (text: string) => text.split("\n").map(escapeControls).join("\n");

/** Everything that was asked for: what cannot be read should not be approved. */
function approvalRow(approval: Approval, csrf: string): Html {
  const { id, key_name: name, method, headers, body, body_bytes: bytes } = approval;
  const target = escapeControls(approval.target);
  const decide = (action: "approve" | "deny", submit: string, kind?: "danger") =>
    form({
      ...{ action: PATH, csrf, submit, submitLabel: `${submit} ${method} ${target} of ${name}` },
      ...(kind ? { kind } : {}),
      children: html`<input type="hidden" name="approval_id" value="${id}">
<input type="hidden" name="action" value="${action}">`,
    });
  return html`<li><div><strong>${name}</strong> asks for<br>
<code>${method} ${target}</code>
<pre>${legible(headers)}</pre>
${bytes === 0 ? null : html`<pre>${legible(body)}</pre><span class="hint">${bytes} bytes</span>`}</div>
<div class="stack">${decide("approve", "Approve once")}${decide("deny", "Deny", "danger")}</div></li>`;
}

type Key = Awaited<ReturnType<typeof listKeys>>["api_keys"][number];

function keyRow(key: Key, csrf: string): Html {
  const id = html`<input type="hidden" name="key_id" value="${key.id}">`;
  const approve = form({
    action: PATH,
    csrf,
    children: html`${id}<input type="hidden" name="action" value="approve">`,
    submit: "Approve",
    submitLabel: `Approve ${key.name}`,
  });
  const revoke = form({
    action: PATH,
    csrf,
    children: id,
    submit: "Revoke",
    submitLabel: `Revoke ${key.name}`,
    kind: "danger",
  });
  return html`<li><div><strong>${key.name}</strong> <code>${key.prefix}…</code>
${key.status === "active" ? null : html` (${key.status})`}<br>
<span class="hint">Last used ${moment(key.last_used_at)}, ends ${moment(key.expires_at)},
${key.scopes.length === 0 ? "may nothing" : key.scopes.join(" ")}</span></div>
<div class="stack">${key.status === "pending" ? approve : null}${revoke}</div></li>`;
}
