/** `/auth/ui/sign-out`: asks first, because a link alone must not sign anybody out. */
import { logOut } from "../../sessions/log-out.ts";
import { forgetBrowser } from "../browser-session.ts";
import { pagePath } from "../errand.ts";
import { form } from "../form-parts.ts";
import { html } from "../html.ts";
import type { Page, Visit } from "../page.ts";

const PATH = "/auth/ui/sign-out";

export function showSignOut({ current, pending, csrf, errand }: Visit): Page {
  const visitor = current ?? pending;
  if (!visitor) return { redirect: pagePath("/auth/ui/sign-in", errand) };
  const { email, phone } = visitor.user;
  const children = html`<p>You are signed in as <strong>${email ?? phone ?? "a guest"}</strong>.</p>`;
  const action = pagePath(PATH, errand);
  return {
    title: "Sign out",
    body: html`<div class="entry">${form({ action, csrf, children, submit: "Sign out" })}</div>`,
  };
}

export async function takeSignOut(visit: Visit): Promise<Page> {
  const { state, caller, request, current, pending, errand } = visit;
  const visitor = current ?? pending;
  if (visitor) await logOut(state, caller, visitor, "local");
  const cookies = [await forgetBrowser(state, request)];
  return { redirect: pagePath("/auth/ui/sign-in", errand), cookies };
}
