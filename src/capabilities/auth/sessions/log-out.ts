/**
 * `POST /auth/v1/logout`: ends sessions and with them their refresh tokens. Access tokens that are
 * out stay valid until they expire, because they are verified without the database.
 */

import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { actorOf, audit } from "../record.ts";
import { inTransaction } from "../store.ts";
import { IMPERSONATION } from "./impersonation.ts";

const SCOPES = ["global", "local", "others"] as const;
type Scope = (typeof SCOPES)[number];

/**
 * @param scope `global` (default): all; `local`: this one; `others`: all but this one. Who acts as
 * another person ends that, whatever the scope, and signs nobody out.
 */
export async function logOut(
  state: AuthState,
  caller: Caller,
  { user, session }: CurrentUser,
  scope: string | null,
): Promise<void> {
  const range = rangeOf(scope ?? "global", session?.id);
  const which = session?.tag === IMPERSONATION ? { only: session.id } : range;
  await inTransaction(state.sql(caller.tenant), async (store) => {
    await store.deleteSessions(user.id, which);
    await audit(state, store, caller, actorOf(user), "logout", { scope: scope ?? "global" });
  });
}

function rangeOf(scope: string, sessionId: string | undefined): { only?: string; except?: string } {
  if (!SCOPES.includes(scope as Scope)) {
    throw authErrors.validation_failed(`Unsupported logout scope "${scope.slice(0, 40)}"`);
  }
  if (scope === "global" || sessionId === undefined) return {};
  return scope === "local" ? { only: sessionId } : { except: sessionId };
}
