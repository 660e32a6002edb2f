/** What the pages of all ways in share. */
import type { TokenAnswer } from "../../sessions/issue-session.ts";
import { startBrowserSession } from "../browser-session.ts";
import { continuePath } from "../errand.ts";
import type { Page, Visit } from "../page.ts";
import { allowedTarget } from "./continue.ts";

/** The browser gets its session, and its person goes on. */
export async function arrive(visit: Visit, answer: TokenAnswer): Promise<Page> {
  const { state, request, errand } = visit;
  const cookie = await startBrowserSession(state, request, answer);
  return { redirect: continuePath(errand), cookies: [cookie] };
}

/** Shows `page` to who is not signed in yet; everybody else goes on. */
export function forGuest(page: (visit: Visit) => Page | Promise<Page>) {
  return (visit: Visit): Page | Promise<Page> => {
    const { current, pending, errand } = visit;
    if (current || pending) return { redirect: continuePath(errand) };
    if (errand.login) allowedTarget(visit, errand.login);
    return page(visit);
  };
}

/** Both kinds of answer that a grant or a sign-up gives. */
export function isSession(answer: object): answer is TokenAnswer {
  return "access_token" in answer;
}
