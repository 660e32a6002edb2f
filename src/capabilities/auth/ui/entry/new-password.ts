/**
 * `/auth/ui/new-password`: for who came in by mail because they forgot the old one. Everybody else
 * changes it in the account, where the old one is asked for.
 */
import { updateUser } from "../../accounts/update-user.ts";
import type { SessionRow } from "../../schema.ts";
import type { Member } from "../account/member.ts";
import { continuePath, pagePath } from "../errand.ts";
import { type Fault, faultNotice, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { newPasswordField } from "./sign-up.ts";

const PATH = "/auth/ui/new-password";
/** How long after that mail the old password is not asked for. */
const FRESH_S = 15 * 60;

/** What a session says that began with a code or a link from a mail, of a recovery among them. */
const BY_MAIL = new Set(["otp", "recovery", "magiclink"]);

/**
 * True shortly after the person came in by a mail: who reads it may choose a new password anyway.
 * @param nowMs of the clock
 */
export function isRecovering({ amr }: SessionRow, nowMs: number): boolean {
  return amr.some(
    ({ method, timestamp }) => BY_MAIL.has(method) && nowMs / 1000 - timestamp < FRESH_S,
  );
}

export const showNewPassword = (member: Member): Page => passwordPage(member, null);

export async function takeNewPassword(member: Member, form: Form): Promise<Page> {
  const { state, caller, current, session, errand } = member;
  if (!isRecovering(session, state.deps.clock.now())) return toAccount();
  const change = { password: form("password") };
  const outcome = await attempt(() => updateUser(state, caller, current, change));
  if ("fault" in outcome) return passwordPage(member, outcome.fault);
  return { redirect: continuePath(errand) };
}

const toAccount = (): Page => ({ redirect: "/auth/ui/account/password" });

function passwordPage(member: Member, fault: Fault | null): Page {
  const { state, errand, csrf, session } = member;
  if (!isRecovering(session, state.deps.clock.now())) return toAccount();
  const children = newPasswordField(member, fault, "New password");
  const action = pagePath(PATH, errand);
  return {
    title: "Choose a new password",
    status: fault?.status ?? 200,
    body: html`<div class="entry">${faultNotice(fault)}
<p>Your other devices will be signed out.</p>
${form({ action, csrf, children, submit: "Save the password" })}</div>
<nav class="links"><a href="${continuePath(errand)}">Keep the old one</a></nav>`,
  };
}
