/** `/auth/ui/account/password`: changes the password; the old one is asked for (OWASP ASVS 5.0, 6.2.3). */
import { updateUser } from "../../accounts/update-user.ts";
import { authErrors } from "../../errors.ts";
import { limitByIdentity } from "../../http/limit-rate.ts";
import { isRecovering } from "../entry/new-password.ts";
import { newPasswordField } from "../entry/sign-up.ts";
import { type Fault, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { ACCOUNT, accountPage, backTo } from "./account-page.ts";
import type { Member } from "./member.ts";

const PATH = `${ACCOUNT}/password`;
const OLD = "current_password";

export const showPassword = (member: Member): Page => passwordPage(member, null);

export async function takePassword(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const old = await attempt(() => checkOld(member, form(OLD)));
  if ("fault" in old) return passwordPage(member, { ...old.fault, field: OLD });
  const change = { password: form("password") };
  const outcome = await attempt(() => updateUser(state, caller, current, change));
  if ("fault" in outcome) return passwordPage(member, outcome.fault);
  return backTo("/password", "saved");
}

/** Who has no password, or has just come in because they forgot it, sets one without. */
function asksOld({ state, user, session }: Member): boolean {
  return Boolean(user.encrypted_password) && !isRecovering(session, state.deps.clock.now());
}

/** A guess at the password like any other: it counts against the same limit as a sign-in. */
async function checkOld(member: Member, password: string): Promise<void> {
  const { state, caller, user } = member;
  if (!asksOld(member)) return;
  const limit = state.config.rate_limit_password_identity;
  await limitByIdentity(state, caller, "password", user.email ?? user.phone ?? user.id, limit);
  if (await state.hasher.verify(password, user.encrypted_password)) return;
  throw authErrors.validation_failed("This is not your password");
}

function passwordPage(member: Member, fault: Fault | null): Page {
  const old = asksOld(member)
    ? field({
        name: OLD,
        label: "Current password",
        type: "password",
        autocomplete: "current-password",
        fault,
      })
    : null;
  const children = html`${old}${newPasswordField(member, fault, "New password")}`;
  return accountPage(member, "/password", {
    title: "Password",
    fault,
    body: html`<p>A new password signs your other devices out.</p>
${form({ action: PATH, csrf: member.csrf, children, submit: "Change the password" })}`,
  });
}
