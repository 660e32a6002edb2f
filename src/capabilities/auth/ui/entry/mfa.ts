/**
 * `/auth/ui/mfa`: the second step of a sign-in, for who has a second factor: a code of their
 * authenticator app, a code by text message, a security key, or a recovery code.
 */
import { usageOf } from "../../factors/aal.ts";
import { challengeFactor } from "../../factors/challenge-factor.ts";
import { verifyRecoveryCode } from "../../factors/recovery-codes.ts";
import type { FactorJson } from "../../factors/schema.ts";
import { verifyFactor } from "../../factors/verify-factor.ts";
import type { TokenAnswer } from "../../sessions/issue-session.ts";
import type { BrowserVisitor } from "../browser-session.ts";
import { continuePath, pagePath } from "../errand.ts";
import { type Fault, faultNotice, field, form } from "../form-parts.ts";
import { type Html, html } from "../html.ts";
import { attempt, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";
import { webAuthnBody, webAuthnForm } from "../webauthn-form.ts";
import { arrive } from "./arrive.ts";

const PATH = "/auth/ui/mfa";

export function showMfa(visit: Visit): Page | Promise<Page> {
  const { pending, errand } = visit;
  return pending ? mfaPage(visit, pending, null) : { redirect: continuePath(errand) };
}

export async function takeMfa(visit: Visit, form: Form): Promise<Page> {
  const { pending, errand } = visit;
  if (!pending) return { redirect: continuePath(errand) };
  const factor = usable(visit, pending).find(({ id }) => id === form("factor_id"));
  const asked = form("challenge_id");
  if (factor?.factor_type === "webauthn" && asked === "") {
    return keyPage(visit, pending, factor, null);
  }
  if (factor?.factor_type === "phone" && asked === "") return textPage(visit, pending, factor);
  const outcome = await attempt(() => verify(visit, pending, factor, form));
  if ("done" in outcome) return arrive(visit, outcome.done);
  if (factor?.factor_type === "webauthn") return keyPage(visit, pending, factor, outcome.fault);
  return factor?.factor_type === "phone"
    ? codePage(visit, factor, asked, { ...outcome.fault, field: "code" })
    : mfaPage(visit, pending, { ...outcome.fault, field: fieldOf(factor) });
}

const fieldOf = (factor: FactorJson | undefined) => (factor ? "code" : "recovery_code");

async function verify(
  { state, caller }: Visit,
  pending: BrowserVisitor,
  factor: FactorJson | undefined,
  form: Form,
): Promise<TokenAnswer> {
  if (!factor) {
    return verifyRecoveryCode(state, caller, pending, { code: form("recovery_code") });
  }
  if (factor.factor_type === "webauthn") {
    const { challenge_id, credential } = webAuthnBody(form);
    const webauthn = { type: "request", credential_response: credential ?? null };
    return verifyFactor(state, caller, pending, factor.id, {
      challenge_id: challenge_id ?? "",
      webauthn,
    });
  }
  const asked = form("challenge_id");
  const id = asked || (await challengeFactor(state, caller, pending, factor.id)).id;
  const body = { challenge_id: id, code: form("code") };
  return verifyFactor(state, caller, pending, factor.id, body);
}

/** The factors that can be asked for here. */
function usable({ state }: Visit, { user }: BrowserVisitor): readonly FactorJson[] {
  return user.factors.filter(
    ({ status, factor_type: type }) => status === "verified" && usageOf(state, type) !== "off",
  );
}

function mfaPage(visit: Visit, pending: BrowserVisitor, fault: Fault | null): Page {
  const { errand } = visit;
  const factors = usable(visit, pending);
  const parts = factors.map((factor) => factorForm(visit, factor, fault));
  return {
    title: "Confirm it is you",
    status: fault?.status ?? 200,
    body: html`<div class="entry stack">${faultNotice(fault)}
<p>You are signing in as <strong>${pending.user.email ?? pending.user.phone}</strong>.</p>
${parts}</div>
<nav class="links"><a href="${pagePath("/auth/ui/sign-out", errand)}">Use another account</a></nav>`,
  };
}

function factorForm(visit: Visit, factor: FactorJson, fault: Fault | null): Html {
  const { errand, csrf } = visit;
  const action = pagePath(PATH, errand);
  const name = factor.friendly_name ? ` (${factor.friendly_name})` : "";
  const chosen = html`<input type="hidden" name="factor_id" value="${factor.id}">`;
  switch (factor.factor_type) {
    case "totp": {
      const label = `Code of your authenticator app${name}`;
      const code = codeField("code", label, "one-time-code", fault);
      return form({ action, csrf, children: html`${chosen}${code}`, submit: "Confirm" });
    }
    case "webauthn": {
      const submit = `Use your security key${name}`;
      return form({ action, csrf, children: chosen, submit, kind: "secondary" });
    }
    case "recovery_code": {
      const code = codeField("recovery_code", "Recovery code", "off", fault);
      return html`<details><summary>Use a recovery code</summary>
${form({ action, csrf, children: code, submit: "Use this code", kind: "secondary" })}</details>`;
    }
    case "phone": {
      const submit = `Send a code to the phone that ends in ${factor.phone?.slice(-3) ?? ""}`;
      return form({ action, csrf, children: chosen, submit, kind: "secondary" });
    }
  }
}

function codeField(name: string, label: string, autocomplete: string, fault: Fault | null): Html {
  return field({
    name,
    label,
    autocomplete,
    inputmode: name === "code" ? "numeric" : "text",
    maxlength: 64,
    fault,
  });
}

async function textPage(visit: Visit, pending: BrowserVisitor, factor: FactorJson): Promise<Page> {
  const { state, caller } = visit;
  const begun = await attempt(() => challengeFactor(state, caller, pending, factor.id));
  return "fault" in begun
    ? mfaPage(visit, pending, { ...begun.fault, field: null })
    : codePage(visit, factor, begun.done.id, null);
}

function codePage(visit: Visit, factor: FactorJson, asked: string, fault: Fault | null): Page {
  const { errand, csrf } = visit;
  const children = html`<input type="hidden" name="factor_id" value="${factor.id}">
<input type="hidden" name="challenge_id" value="${asked}">
${codeField("code", "Six digits of the message", "one-time-code", fault)}`;
  return {
    title: "Check your phone",
    status: fault?.status ?? 200,
    body: html`<div class="entry">${faultNotice(fault)}
${form({ action: pagePath(PATH, errand), csrf, children, submit: "Confirm" })}</div>
<nav class="links"><a href="${pagePath(PATH, errand)}">Use another way</a></nav>`,
  };
}

async function keyPage(
  visit: Visit,
  pending: BrowserVisitor,
  factor: FactorJson,
  fault: Fault | null,
): Promise<Page> {
  const { state, caller, errand, csrf } = visit;
  const challenge = await challengeFactor(state, caller, pending, factor.id);
  const { credential_options: asked } = challenge["webauthn"] as {
    credential_options: { publicKey: unknown };
  };
  return {
    title: "Use your security key",
    status: fault?.status ?? 200,
    script: true,
    body: html`<div class="entry">${faultNotice(fault)}
${webAuthnForm({
  action: pagePath(PATH, errand),
  csrf,
  kind: "get",
  challengeId: challenge.id,
  options: asked.publicKey,
  submit: "Use the key",
  children: html`<input type="hidden" name="factor_id" value="${factor.id}">`,
})}</div>
<nav class="links"><a href="${pagePath(PATH, errand)}">Use another way</a></nav>`,
  };
}
