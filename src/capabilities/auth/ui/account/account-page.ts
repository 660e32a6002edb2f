/** The frame of the account's pages: where one is, what was just done, and what went wrong. */
import { type Fault, faultNotice } from "../form-parts.ts";
import { type Child, type Html, html } from "../html.ts";
import type { Page } from "../page.ts";
import type { Member } from "./member.ts";

const SECTIONS = [
  ["", "Overview"],
  ["/profile", "Profile"],
  ["/password", "Password"],
  ["/two-factor", "Two-factor"],
  ["/passkeys", "Passkeys"],
  ["/sessions", "Devices"],
  ["/providers", "Sign-in with others"],
  ["/apps", "Connected apps"],
  ["/organizations", "Organizations"],
  ["/api-keys", "API keys"],
] as const;

export const ACCOUNT = "/auth/ui/account";
export type Section = (typeof SECTIONS)[number][0];

/** What `?done=` may say: a page says nothing that somebody else wrote into a link. */
const DONE: Readonly<Record<string, string>> = {
  unchanged: "Nothing was changed.",
  saved: "Your changes are saved.",
  mail: "Please follow the link in the mail that was sent to you. The change waits for it.",
  removed: "It is removed.",
  added: "It is added.",
  ended: "The other devices are signed out.",
};

export interface AccountPageOptions {
  readonly title: string;
  readonly body: Child;
  readonly fault?: Fault | null;
  readonly script?: boolean;
}

export function accountPage(member: Member, section: Section, options: AccountPageOptions): Page {
  const { title, body, fault = null, script = false } = options;
  const done = DONE[member.query.get("done") ?? ""];
  return {
    title,
    status: fault?.status ?? 200,
    script,
    wide: true,
    body: html`${navigation(section)}
${faultNotice(fault)}
${done && !fault ? html`<div class="notice" role="status"><p>${done}</p></div>` : null}
${body}`,
  };
}

function navigation(section: Section): Html {
  const items = SECTIONS.map(([path, name]) => {
    const current = path === section ? html`aria-current="page"` : null;
    return html`<a href="${ACCOUNT}${path}" ${current}>${name}</a>`;
  });
  return html`<nav class="links sections" aria-label="Account">${items}
<a href="/auth/ui/sign-out">Sign out</a></nav>`;
}

/** Back to a section after something was done there; a reload does not do it again. */
export function backTo(
  section: Section,
  done: keyof typeof DONE,
  cookies: readonly string[] = [],
): Page {
  return { redirect: `${ACCOUNT}${section}?done=${done}`, cookies };
}

/** A moment as people read it, and as programs do. */
export function moment(at: string | null | undefined): Html {
  if (!at) return html`never`;
  const text = `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
  return html`<time datetime="${at}">${text}</time>`;
}
