/** `/auth/ui/account/passkeys`: adds, names and removes passkeys. */
import { deletePasskey, listPasskeys, renamePasskey } from "../../passkeys/manage-passkeys.ts";
import { passkeyRegistrationOptions, registerPasskey } from "../../passkeys/register-passkey.ts";
import { relyingParty } from "../../passkeys/relying-party.ts";
import { type Fault, field, form } from "../form-parts.ts";
import { type Html, html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { webAuthnBody, webAuthnForm } from "../webauthn-form.ts";
import { ACCOUNT, accountPage, backTo, moment } from "./account-page.ts";
import type { Member } from "./member.ts";

const PATH = `${ACCOUNT}/passkeys`;
const NEW_PATH = `${PATH}/new`;

export const showPasskeys = (member: Member): Promise<Page> => passkeysPage(member, null);

export async function takePasskeys(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const [id, name] = [form("passkey_id"), form("friendly_name")];
  const work = async () => {
    if (form("action") === "rename") {
      await renamePasskey(state, caller, current, id, { friendly_name: name });
    } else await deletePasskey(state, caller, current, id);
  };
  const outcome = await attempt(work);
  if ("fault" in outcome) return passkeysPage(member, outcome.fault);
  return backTo("/passkeys", form("action") === "rename" ? "saved" : "removed");
}

/** Two forms: the first asks for the options, the second brings the authenticator's answer. */
export async function takeNewPasskey(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  if (form("challenge_id") === "") return newPasskeyPage(member, null);
  const outcome = await attempt(() => registerPasskey(state, caller, current, webAuthnBody(form)));
  if ("fault" in outcome) return newPasskeyPage(member, outcome.fault);
  return backTo("/passkeys", "added");
}

async function newPasskeyPage(member: Member, fault: Fault | null): Promise<Page> {
  const { state, caller, current, csrf } = member;
  const begun = await attempt(() => passkeyRegistrationOptions(state, caller, current));
  if ("fault" in begun) return passkeysPage(member, fault ?? begun.fault);
  const { challenge_id: challengeId, options } = begun.done;
  const ask = { action: NEW_PATH, csrf, kind: "create" as const, challengeId, options };
  return accountPage(member, "/passkeys", {
    title: "Add a passkey",
    fault,
    script: true,
    body: html`<p>Your device will ask for your fingerprint, face or PIN, and keep the passkey.</p>
${webAuthnForm({ ...ask, submit: "Create the passkey" })}`,
  });
}

async function passkeysPage(member: Member, fault: Fault | null): Promise<Page> {
  const { state, caller, current, csrf } = member;
  const passkeys = await listPasskeys(state, caller, current);
  const rows = passkeys.map((passkey) => passkeyRow(passkey, csrf, fault));
  const canAdd = state.config.passkeys && relyingParty(state, caller) !== null;
  return accountPage(member, "/passkeys", {
    title: "Passkeys",
    fault,
    body: html`<p>A passkey signs you in without a password: by fingerprint, face or PIN of a device of yours.</p>
<ul class="rows">${rows}</ul>
${
  canAdd
    ? form({ action: NEW_PATH, csrf, children: null, submit: "Add a passkey" })
    : html`<p class="hint">Passkeys are not set up on this server.</p>`
}`,
  });
}

type Passkey = Awaited<ReturnType<typeof listPasskeys>>[number];

function passkeyRow(passkey: Passkey, csrf: string, fault: Fault | null): Html {
  const name = passkey.friendly_name ?? "Passkey";
  const id = html`<input type="hidden" name="passkey_id" value="${passkey.id}">`;
  const rename = html`<details><summary>Rename</summary>${form({
    action: PATH,
    csrf,
    children: html`${id}<input type="hidden" name="action" value="rename">
${field({ name: "friendly_name", id: `name-${passkey.id}`, label: "Name", autocomplete: "off", value: name, maxlength: 100, fault })}`,
    submit: "Save the name",
    submitLabel: `Save the name of ${name}`,
    kind: "secondary",
  })}</details>`;
  const remove = form({
    action: PATH,
    csrf,
    children: id,
    submit: "Remove",
    submitLabel: `Remove ${name}`,
    kind: "danger",
  });
  return html`<li><div><strong>${name}</strong><br>
<span class="hint">Added ${moment(passkey.created_at)}, last used ${moment(passkey.last_used_at)}</span>${rename}</div>
${remove}</li>`;
}
