/**
 * The page that links in mails open when the mail was asked for on the pages. It shows a button and
 * spends the link only when that is pressed: programs that look at mails before people do open links.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { linkBase } from "../messages/link-base.ts";
import { type Errand, pagePath } from "./errand.ts";

const PATH = "/auth/ui/verify";

/** Where a mail's link shall lead; null when nothing that can be trusted names this server. */
export function verifyPage(state: AuthState, caller: Caller, errand: Errand): string | null {
  const base = linkBase(state, caller);
  return base === null ? null : new URL(pagePath(PATH, errand), base).href;
}
