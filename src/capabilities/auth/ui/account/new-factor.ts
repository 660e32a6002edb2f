/** `/auth/ui/account/two-factor/app` and `…/key`: adds a second factor; it counts once it was used. */
import { challengeFactor } from "../../factors/challenge-factor.ts";
import { enrollFactor } from "../../factors/enroll-factor.ts";
import { verifyFactor } from "../../factors/verify-factor.ts";
import type { JsonObject } from "../../schema.ts";
import { startBrowserSession } from "../browser-session.ts";
import { type Fault, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { webAuthnBody, webAuthnForm } from "../webauthn-form.ts";
import { ACCOUNT, accountPage, backTo } from "./account-page.ts";
import type { Member } from "./member.ts";
import { showTwoFactor } from "./two-factor.ts";

const PATH = `${ACCOUNT}/two-factor`;

export async function takeNewApp(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const id = form("factor_id");
  if (id === "") {
    const begun = await attempt(() =>
      enrollFactor(state, caller, current, {
        factor_type: "totp",
        friendly_name: freeName(member),
      }),
    );
    if ("fault" in begun) return failed(member, begun.fault);
    const { totp } = begun.done;
    if (!totp) throw new Error("an authenticator app was enrolled without a seed");
    return appPage(member, { id: begun.done.id, secret: totp.secret, qr: totp.qr_code }, null);
  }
  const outcome = await attempt(async () => {
    const challenge = await challengeFactor(state, caller, current, id);
    return verify(member, id, { challenge_id: challenge.id, code: form("code") });
  });
  if ("done" in outcome) return backTo("/two-factor", "added", [outcome.done]);
  const known = { id, secret: form("secret"), qr: form("qr") };
  return appPage(member, known, { ...outcome.fault, field: "code" });
}

export async function takeNewKey(member: Member, form: Form): Promise<Page> {
  const { state, caller, current } = member;
  const id = form("factor_id");
  if (form("challenge_id") !== "") {
    const outcome = await attempt(async () => {
      const { challenge_id, credential } = webAuthnBody(form);
      const webauthn = { type: "create", credential_response: credential ?? null };
      return verify(member, id, { challenge_id: challenge_id ?? "", webauthn });
    });
    return "done" in outcome
      ? backTo("/two-factor", "added", [outcome.done])
      : failed(member, outcome.fault);
  }
  const begun = await attempt(async () => {
    const body = { factor_type: "webauthn", friendly_name: freeName(member) };
    const { id: factorId } = await enrollFactor(state, caller, current, body);
    return { factorId, challenge: await challengeFactor(state, caller, current, factorId) };
  });
  if ("fault" in begun) return failed(member, begun.fault);
  return keyPage(member, begun.done.factorId, begun.done.challenge);
}

/** The session is raised, so its cookie gets another value; the `Set-Cookie` value. */
async function verify(member: Member, factorId: string, body: JsonObject): Promise<string> {
  const { state, caller, current, request } = member;
  const answer = await verifyFactor(state, caller, current, factorId, body);
  return startBrowserSession(state, request, answer);
}

/** Names are unique for a person; one that was begun and left may have the next already. */
function freeName({ state, user }: Member): string {
  const day = state.now().toISOString().slice(0, 10);
  const taken = new Set(user.factors.map(({ friendly_name: name }) => name));
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? day : `${day} (${n})`;
    if (!taken.has(name)) return name;
  }
}

async function failed(member: Member, fault: Fault): Promise<Page> {
  const page = await showTwoFactor(member);
  if ("redirect" in page) return page;
  return accountPage(member, "/two-factor", {
    title: "That did not work",
    fault: { ...fault, field: null },
    body: html`<p><a class="button" href="${PATH}">Back</a></p>`,
  });
}

function appPage(
  member: Member,
  { id, secret, qr }: { id: string; secret: string; qr: string },
  fault: Fault | null,
): Page {
  const picture = `data:image/svg+xml;base64,${Buffer.from(qr).toString("base64")}`;
  const children = html`<input type="hidden" name="factor_id" value="${id}">
<input type="hidden" name="secret" value="${secret}">
<input type="hidden" name="qr" value="${qr}">
${field({
  name: "code",
  label: "Six digits that the app shows",
  autocomplete: "one-time-code",
  inputmode: "numeric",
  maxlength: 16,
  fault,
})}`;
  return accountPage(member, "/two-factor", {
    title: "Add an authenticator app",
    fault,
    body: html`<ol><li>Scan this with the app:<br><img class="qr" src="${picture}" alt="QR code; its text is below" width="220" height="220"></li>
<li>Or type this key into it: <code>${secret}</code></li></ol>
${form({ action: `${PATH}/app`, csrf: member.csrf, children, submit: "Turn it on" })}`,
  });
}

function keyPage(
  member: Member,
  factorId: string,
  challenge: Awaited<ReturnType<typeof challengeFactor>>,
): Page {
  const { credential_options: asked } = challenge["webauthn"] as {
    credential_options: { publicKey: unknown };
  };
  return accountPage(member, "/two-factor", {
    title: "Add a security key",
    script: true,
    body: html`<p>Put the key in and touch it when it blinks.</p>
${webAuthnForm({
  action: `${PATH}/key`,
  csrf: member.csrf,
  kind: "create",
  challengeId: challenge.id,
  options: asked.publicKey,
  submit: "Use the key",
  children: html`<input type="hidden" name="factor_id" value="${factorId}">`,
})}`,
  });
}
