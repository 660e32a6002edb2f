/** What a person's session says of how they proved themselves: handed on to a client's tokens. */
import type { CurrentUser } from "../../accounts/find-current-user.ts";
import type { AuthState } from "../../auth-state.ts";
import type { Approval, Approved } from "../schema.ts";

/** A token made outside names no session: it proves a sign-in of unknown age, taken as the oldest. */
export function approvalOf(state: AuthState, { user, session }: CurrentUser): Approval {
  const amr = session?.amr ?? [];
  const newest = Math.max(0, ...amr.map(({ timestamp }) => timestamp));
  const provenAt = session && newest === 0 ? session.created_at : new Date(newest * 1000);
  const latest = Math.min(provenAt.getTime(), state.now().getTime());
  return {
    user_id: user.id,
    aal: session?.aal ?? "aal1",
    amr,
    authenticated_at: new Date(latest),
    session_ends_at: session?.not_after ?? null,
  };
}

/** What a row holds of an approval; null when nobody has given one. */
export function givenApproval(row: Approved): Approval | null {
  const { user_id, aal, amr, authenticated_at, session_ends_at } = row;
  if (!user_id || !aal || !amr || !authenticated_at) return null;
  return { user_id, aal, amr, authenticated_at, session_ends_at };
}
