/**
 * `/auth/ui/code`: signs in by mail or text message. Asks for an address or number, then for the code
 * that was sent there; the link in the mail does the same. `/auth/ui/recover` is the same for who forgot the password, and
 * a sign-up that must be confirmed ends here too.
 */
import { answerEvenly } from "../../defence/answer-evenly.ts";
import { recover } from "../../mailed/recover.ts";
import { requestOtp } from "../../mailed/request-otp.ts";
import { verify } from "../../mailed/verify.ts";
import { captchaField, captchaIn } from "../captcha.ts";
import { type Errand, pagePath } from "../errand.ts";
import { type Fault, faultNotice, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";
import { verifyPage } from "../ready-page.ts";
import { addressField, addressOf } from "./address.ts";
import { arrive, isSession } from "./arrive.ts";

/** What the code is for, with GoTrue's names. */
export type CodeType = "email" | "recovery" | "signup" | "sms";

const PATHS = { email: "/auth/ui/code", recovery: "/auth/ui/recover" } as const;
const TITLES = { email: "Sign in with a code", recovery: "Forgot your password?" } as const;

export const showCode = (visit: Visit) => addressPage(visit, "email", "", null);
export const showRecover = (visit: Visit) => addressPage(visit, "recovery", "", null);

export const takeCode = (visit: Visit, form: Form) =>
  form("token") === "" && form("step") !== "code"
    ? sendCode(visit, "email", form)
    : takeTyped(visit, form);

export const takeRecover = (visit: Visit, form: Form) => sendCode(visit, "recovery", form);

async function sendCode(visit: Visit, type: "email" | "recovery", form: Form): Promise<Page> {
  const { state, caller, errand } = visit;
  const email = form("email").trim();
  const address = type === "email" ? addressOf(visit, email) : { email };
  const link = verifyPage(state, caller, afterCode(type, errand));
  const send = type === "email" ? requestOtp : recover;
  const body = { ...address, ...captchaIn(state, form) };
  const outcome = await attempt(() => answerEvenly(state, () => send(state, caller, body, link)));
  if ("fault" in outcome) {
    return addressPage(visit, type, email, { ...outcome.fault, field: "email" });
  }
  return codePage(visit, "phone" in address ? "sms" : type, email, null);
}

async function takeTyped(visit: Visit, form: Form): Promise<Page> {
  const { state, caller, errand } = visit;
  const type = typeOf(form("type"));
  const email = form("email");
  const address = type === "sms" ? { phone: email } : { email };
  const body = { type, ...address, token: form("token").replaceAll(/\s/g, "") };
  const outcome = await attempt(() => verify(state, caller, body));
  if ("fault" in outcome) {
    return codePage(visit, type, email, { ...outcome.fault, field: "token" });
  }
  if (!isSession(outcome.done)) return codePage(visit, type, email, null);
  return arrive({ ...visit, errand: afterCode(type, errand) }, outcome.done);
}

const typeOf = (text: string): CodeType =>
  text === "recovery" || text === "signup" || text === "sms" ? text : "email";

/** Who forgot their password chooses another one first. */
export function afterCode(type: string, errand: Errand): Errand {
  if (type !== "recovery") return errand;
  return { returnTo: pagePath("/auth/ui/new-password", errand), login: null };
}

function addressPage(
  visit: Visit,
  type: "email" | "recovery",
  email: string,
  fault: Fault | null,
): Page {
  const { errand, csrf, state } = visit;
  const address =
    type === "email"
      ? addressField(visit, email, fault)
      : field({
          name: "email",
          label: "E-mail address",
          type: "email",
          autocomplete: "username",
          value: email,
          fault,
        });
  const action = pagePath(PATHS[type], errand);
  return {
    title: TITLES[type],
    status: fault?.status ?? 200,
    captcha: true,
    body: html`<div class="entry">${faultNotice(fault)}
<p>A code will be sent to you${type === "email" ? "" : ", and a link"}.</p>
${form({ action, csrf, children: [address, captchaField(state)], submit: "Send the code" })}</div>
<nav class="links"><a href="${pagePath("/auth/ui/sign-in", errand)}">Back to sign in</a></nav>`,
  };
}

/** The same whether or not the address has an account. */
export function codePage(visit: Visit, type: CodeType, email: string, fault: Fault | null): Page {
  const { errand, csrf } = visit;
  const children = html`<input type="hidden" name="step" value="code">
<input type="hidden" name="type" value="${type}">
<input type="hidden" name="email" value="${email}">
${field({
  name: "token",
  label: "Six digits",
  autocomplete: "one-time-code",
  inputmode: "numeric",
  maxlength: 16,
  fault,
})}`;
  return {
    title: type === "sms" ? "Check your phone" : "Check your mail",
    status: fault?.status ?? 200,
    body: html`<div class="entry">${faultNotice(fault)}
<p>If <strong>${email}</strong> can be used here, a message is on its way to it. Type the code that it holds${
      type === "sms" ? "" : ", or follow its link"
    }.</p>
${form({ action: pagePath("/auth/ui/code", errand), csrf, children, submit: "Continue" })}</div>
<nav class="links"><a href="${pagePath("/auth/ui/sign-in", errand)}">Back to sign in</a></nav>`,
  };
}
