/** Pages for who is signed in: everybody else signs in first and comes back. */
import type { SessionRow, UserRow } from "../../schema.ts";
import type { Page, Visit } from "../page.ts";

/** A visit of somebody. */
export interface Member extends Visit {
  readonly user: UserRow;
  readonly session: SessionRow;
}

export function forMember(work: (member: Member) => Promise<Page> | Page) {
  return (visit: Visit): Promise<Page> | Page => {
    const member = memberOf(visit);
    return member ? work(member) : { redirect: signInFor(visit) };
  };
}

function memberOf(visit: Visit): Member | null {
  const { current } = visit;
  return current?.session ? { ...visit, user: current.user, session: current.session } : null;
}

function signInFor({ request }: Visit): string {
  const { pathname, search } = new URL(request.url);
  return `/auth/ui/sign-in?${new URLSearchParams({ return_to: `${pathname}${search}` })}`;
}
