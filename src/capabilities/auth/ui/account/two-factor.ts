/** `/auth/ui/account/two-factor`: authenticator apps, security keys and recovery codes. */
import { usageOf } from "../../factors/aal.ts";
import {
  deleteRecoveryCodes,
  describeRecoveryCodes,
  generateRecoveryCodes,
  regenerateRecoveryCodes,
} from "../../factors/recovery-codes.ts";
import type { FactorJson } from "../../factors/schema.ts";
import { unenrollFactor } from "../../factors/unenroll-factor.ts";
import { relyingParty } from "../../passkeys/relying-party.ts";
import { type Fault, form } from "../form-parts.ts";
import { type Html, html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { ACCOUNT, accountPage, backTo, moment } from "./account-page.ts";
import type { Member } from "./member.ts";

const PATH = `${ACCOUNT}/two-factor`;

const KINDS: Readonly<Record<string, string>> = {
  totp: "Authenticator app",
  webauthn: "Security key",
  phone: "Text message",
};

export const showTwoFactor = (member: Member): Promise<Page> => twoFactorPage(member, null);

export async function takeTwoFactor(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const id = form("factor_id");
  const outcome = await attempt(() => unenrollFactor(state, caller, current, id));
  if ("fault" in outcome) return twoFactorPage(member, outcome.fault);
  return backTo("/two-factor", "removed");
}

/** New codes are shown in the answer itself: nowhere else are they ever again. */
export async function takeRecoveryCodes(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  if (form("action") === "remove") {
    const gone = await attempt(() => deleteRecoveryCodes(state, caller, current));
    return "fault" in gone ? twoFactorPage(member, gone.fault) : backTo("/two-factor", "removed");
  }
  const make = hasCodes(member)
    ? () => regenerateRecoveryCodes(state, caller, current)
    : () => generateRecoveryCodes(state, caller, current, {});
  const outcome = await attempt(make);
  if ("fault" in outcome) return twoFactorPage(member, outcome.fault);
  return accountPage(member, "/two-factor", {
    title: "Your recovery codes",
    body: html`<p>Keep these where you will find them when your phone is lost. Each works once. They are shown only
now; codes from before do not work any more.</p>
<ul class="code">${outcome.done.codes.map((code) => html`<li>${code}</li>`)}</ul>
<p><a class="button" href="${PATH}">I have kept them</a></p>`,
  });
}

const hasCodes = ({ user }: Member) =>
  user.factors.some(({ factor_type: type }) => type === "recovery_code");

async function twoFactorPage(member: Member, fault: Fault | null): Promise<Page> {
  const { state, caller, csrf } = member;
  const factors = member.user.factors.filter(
    ({ status, factor_type: type }) => status === "verified" && type !== "recovery_code",
  );
  const add = (path: string, submit: string) =>
    form({ action: `${PATH}/${path}`, csrf, children: null, submit, kind: "secondary" });
  const hasKeys = usageOf(state, "webauthn") === "on" && relyingParty(state, caller) !== null;
  return accountPage(member, "/two-factor", {
    title: "Two-factor sign-in",
    fault,
    body: html`<p>${
      factors.length === 0
        ? "It is off. With it, a stolen password alone lets nobody in."
        : "It is on: every sign-in asks for one of these as well."
    }</p>
<ul class="rows">${factors.map((factor) => factorRow(factor, csrf))}</ul>
<div class="stack">
${usageOf(state, "totp") === "on" ? add("app", "Add an authenticator app") : null}
${hasKeys ? add("key", "Add a security key") : null}</div>
${factors.length === 0 ? null : await recoverySection(member)}`,
  });
}

function factorRow(factor: FactorJson, csrf: string): Html {
  const kind = KINDS[factor.factor_type] ?? factor.factor_type;
  const name = factor.friendly_name ? `${kind}: ${factor.friendly_name}` : kind;
  return html`<li><div><strong>${name}</strong><br>
<span class="hint">Added ${moment(factor.created_at)}</span></div>
${form({
  action: PATH,
  csrf,
  children: html`<input type="hidden" name="factor_id" value="${factor.id}">`,
  submit: "Remove",
  submitLabel: `Remove ${name}`,
  kind: "danger",
})}</li>`;
}

async function recoverySection(member: Member): Promise<Html | null> {
  const { state, caller, current, csrf } = member;
  if (usageOf(state, "recovery_code") === "off") return null;
  const status = hasCodes(member) ? await describeRecoveryCodes(state, caller, current) : null;
  const action = `${PATH}/recovery-codes`;
  const remove = form({
    action,
    csrf,
    children: html`<input type="hidden" name="action" value="remove">`,
    submit: "Remove the codes",
    kind: "danger",
  });
  return html`<h2>Recovery codes</h2>
<p>${
    status
      ? `${status.remaining} of ${status.total} codes are left.`
      : "They let you in when everything else is lost."
  }</p>
<div class="stack">${form({ action, csrf, children: null, submit: status ? "Make new codes" : "Make codes", kind: "secondary" })}
${status ? remove : null}</div>`;
}
