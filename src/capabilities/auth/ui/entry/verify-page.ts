/** `/auth/ui/verify`: what links in mails open; spends the link when its reader says so. */
import { verify } from "../../mailed/verify.ts";
import { pagePath } from "../errand.ts";
import { type Fault, faultNotice, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page, type Visit } from "../page.ts";
import type { Form } from "../read-form.ts";
import { arrive, isSession } from "./arrive.ts";

const WORDS: Readonly<Record<string, readonly [title: string, submit: string]>> = {
  signup: ["Confirm your address", "Confirm"],
  magiclink: ["Sign in", "Sign in"],
  recovery: ["Choose a new password", "Continue"],
  invite: ["You are invited", "Accept"],
  email_change: ["Confirm your new address", "Confirm"],
};
const OTHER = ["Continue", "Continue"] as const;

export function showVerify(visit: Visit): Page {
  const { query, errand, csrf } = visit;
  const type = query.get("type") ?? "";
  const [title, submit] = WORDS[type] ?? OTHER;
  const children = html`<input type="hidden" name="type" value="${type}">
<input type="hidden" name="token_hash" value="${query.get("token_hash") ?? ""}">`;
  return {
    title,
    body: html`<div class="entry">
<p>This link works once, and only for you.</p>
${form({ action: pagePath("/auth/ui/verify", errand), csrf, children, submit })}</div>`,
  };
}

export async function takeVerify(visit: Visit, form: Form): Promise<Page> {
  const { state, caller } = visit;
  const body = { type: form("type"), token_hash: form("token_hash") };
  const outcome = await attempt(() => verify(state, caller, body));
  if ("fault" in outcome) return failedPage(visit, outcome.fault);
  if (isSession(outcome.done)) return arrive(visit, outcome.done);
  return {
    title: "One more step",
    body: html`<p>This address is confirmed. The other address got a mail too: please follow the link in it.</p>`,
  };
}

function failedPage({ errand }: Visit, fault: Fault): Page {
  return {
    title: "This link does not work",
    status: fault.status,
    body: html`${faultNotice(fault)}
<p>It may have been used already, or it is too old.</p>
<nav class="links"><a href="${pagePath("/auth/ui/code", errand)}">Get another mail</a>
<a href="${pagePath("/auth/ui/sign-in", errand)}">Sign in</a></nav>`,
  };
}
