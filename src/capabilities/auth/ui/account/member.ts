/** Pages for who is signed in: everybody else signs in first and comes back. */
import type { SessionRow, UserRow } from "../../schema.ts";
import type { BrowserVisitor } from "../browser-session.ts";
import { continuePath } from "../errand.ts";
import type { Page, Visit } from "../page.ts";
import type { Form } from "../read-form.ts";

/** A visit of somebody. */
export interface Member extends Visit {
  readonly current: BrowserVisitor;
  readonly user: UserRow;
  readonly session: SessionRow;
}

export function forMember(work: (member: Member) => Promise<Page> | Page) {
  return (visit: Visit): Promise<Page> | Page => {
    const member = memberOf(visit);
    return member ? work(member) : signInFirst(visit);
  };
}

/** A form of somebody whose session has ended is not kept: they begin again. */
export function fromMember(work: (member: Member, form: Form) => Promise<Page> | Page) {
  return (visit: Visit, form: Form): Promise<Page> | Page => {
    const member = memberOf(visit);
    return member ? work(member, form) : signInFirst(visit);
  };
}

function memberOf(visit: Visit): Member | null {
  const { current } = visit;
  return current ? { ...visit, current, user: current.user, session: current.session } : null;
}

function signInFirst({ request }: Visit): Page {
  const { pathname, search } = new URL(request.url);
  return { redirect: continuePath({ returnTo: `${pathname}${search}`, login: null }) };
}
