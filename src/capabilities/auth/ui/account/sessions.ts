/** `/auth/ui/account/sessions`: the devices and apps that are signed in, and ending them. */
import { logOut } from "../../sessions/log-out.ts";
import { endSession, listSessions } from "../../sessions/manage-sessions.ts";
import { type Fault, form } from "../form-parts.ts";
import { type Html, html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { ACCOUNT, accountPage, backTo, moment } from "./account-page.ts";
import type { Member } from "./member.ts";

const PATH = `${ACCOUNT}/sessions`;
const KINDS: Readonly<Record<string, string>> = {
  pages: "This website",
  app: "An app",
  oauth: "A connected app",
  impersonation: "Support, acting as you",
};

export const showSessions = (member: Member): Promise<Page> => sessionsPage(member, null);

export async function takeSessions(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const id = form("session_id");
  const work = () =>
    id === "" ? logOut(state, caller, current, "others") : endSession(state, caller, current, id);
  const outcome = await attempt(work);
  if ("fault" in outcome) return sessionsPage(member, outcome.fault);
  return backTo("/sessions", id === "" ? "ended" : "removed");
}

async function sessionsPage(member: Member, fault: Fault | null): Promise<Page> {
  const { state, caller, current, csrf } = member;
  const { sessions } = await listSessions(state, caller, current);
  const rows = sessions.map((session) => sessionRow(session, csrf));
  return accountPage(member, "/sessions", {
    title: "Devices",
    fault,
    body: html`<ul class="rows">${rows}</ul>
${form({ action: PATH, csrf, children: null, submit: "Sign out all other devices", kind: "danger" })}`,
  });
}

type Session = Awaited<ReturnType<typeof listSessions>>["sessions"][number];

function sessionRow(session: Session, csrf: string): Html {
  const what = `${KINDS[session.kind] ?? "An app"}, ${agentName(session.user_agent)}`;
  const end = form({
    action: PATH,
    csrf,
    children: html`<input type="hidden" name="session_id" value="${session.id}">`,
    submit: "Sign out",
    submitLabel: `Sign out: ${what}`,
    kind: "secondary",
  });
  return html`<li><div><strong>${what}</strong>
${session.current ? html` (this device)` : null}<br>
<span class="hint">Last used ${moment(session.last_used_at)} from ${session.ip ?? "an unknown address"},
signed in ${moment(session.created_at)}</span></div>
${session.current ? null : end}</li>`;
}

/** Enough for a person to tell their devices apart; what it says of itself may be anything. */
function agentName(agent: string | null): string {
  const text = agent ?? "";
  const browser = /Edg|OPR|Firefox|Chrome|Safari|curl/.exec(text)?.[0] ?? "unknown program";
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(text)?.[0];
  const names: Readonly<Record<string, string>> = { Edg: "Edge", OPR: "Opera", "Mac OS": "macOS" };
  const shown = names[browser] ?? browser;
  return system ? `${shown} on ${names[system] ?? system}` : shown;
}
