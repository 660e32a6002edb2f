/** `/auth/ui/device`: signs in a device without a browser by the code it shows (RFC 8628 §3.3). */
import {
  approveDevice,
  type DeviceDetails,
  denyDevice,
  describeDeviceCode,
} from "../../devices/device-codes.ts";
import type { Member } from "../account/member.ts";
import { decisionForm, type Fault, faultNotice, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { clientName, clientNotice, scopeList } from "./client-card.ts";

const PATH = "/auth/ui/device";

/** A code in the address only fills the form: the person compares it with the device, and sends it. */
export const showDevice = (member: Member) =>
  codePage(member, member.query.get("user_code") ?? "", null);

export async function takeDevice(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const typed = form("user_code");
  const decision = form("decision");
  const decide = decision === "approve" ? approveDevice : denyDevice;
  if (decision === "") {
    const outcome = await attempt(() => describeDeviceCode(state, caller, current, typed));
    return "fault" in outcome
      ? codePage(member, typed, outcome.fault)
      : askPage(member, outcome.done);
  }
  const outcome = await attempt(() => decide(state, caller, current, typed));
  if ("fault" in outcome) return codePage(member, typed, outcome.fault);
  return donePage(decision === "approve");
}

function codePage({ csrf }: Member, typed: string, fault: Fault | null): Page {
  const told = fault && { ...fault, field: "user_code" };
  const code = field({
    name: "user_code",
    label: "Code on your device",
    hint: "Eight letters, like WDJB-MJHT.",
    autocomplete: "off",
    value: typed.slice(0, 64),
    maxlength: 64,
    fault: told,
  });
  return {
    title: "Connect a device",
    status: fault?.status ?? 200,
    body: html`<div class="entry">${faultNotice(told)}
${form({ action: PATH, csrf, children: code, submit: "Continue" })}</div>`,
  };
}

function askPage({ state, csrf, user }: Member, asked: DeviceDetails): Page {
  const { client, user_code: code, ip, requested_at: at } = asked;
  return {
    title: `Connect ${clientName(client)} to your account?`,
    body: html`<div class="entry stack">
<p>You are signed in as <strong>${user.email ?? user.phone}</strong>.</p>
<p>A device asks to be signed in as you. Its code is <strong class="code">${code}</strong>; it asked
${ip === null ? null : html`from the address <code>${ip}</code>`} at ${at}.</p>
<p><strong>${clientName(client)}</strong> asks to:</p>
${scopeList(asked)}
${clientNotice({ client, isUnvouched: asked.registration_type === "dynamic" }, state)}
<p class="notice danger">Allow this only if you started it yourself and the code stands on a device that you have in
front of you. Nobody who calls or writes to you needs it.</p>
${decisionForm({
  action: PATH,
  csrf,
  children: html`<input type="hidden" name="user_code" value="${code}">`,
  approve: "Allow",
  deny: "Do not allow",
})}</div>`,
  };
}

function donePage(isApproved: boolean): Page {
  return isApproved
    ? {
        title: "Your device is connected",
        body: html`<p>You can close this page and go on at your device.</p>`,
      }
    : { title: "Your device was not connected", body: html`<p>You can close this page.</p>` };
}
