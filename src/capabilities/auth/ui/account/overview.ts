/** `/auth/ui/account`: who is signed in, and the ways to what they may change. */
import { html } from "../html.ts";
import type { Page } from "../page.ts";
import type { Member } from "./member.ts";

export function showOverview({ user }: Member): Page {
  return {
    title: "Your account",
    body: html`<p>You are signed in as <strong>${user.email ?? "a guest"}</strong>.</p>
<nav class="links"><a href="/auth/ui/sign-out">Sign out</a></nav>`,
  };
}
