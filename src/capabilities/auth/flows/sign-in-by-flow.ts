/** The last step of every sign-in that a browser carried: session, time of sign-in, audit entry. */
import type { AuthState, Caller } from "../auth-state.ts";
import { actorOf, audit } from "../record.ts";
import type { AalLevel, AmrEntry, IdentityRow, UserRow } from "../schema.ts";
import { type IssuedSession, startSession } from "../sessions/issue-session.ts";
import type { AuthStore } from "../store.ts";

/** What a session in the browser had shown when it handed its person on to an app. */
export interface FlowProof {
  readonly aal: AalLevel;
  readonly amr: readonly AmrEntry[];
  readonly factorId: string | null;
}

export interface SignedIn {
  readonly user: UserRow;
  readonly identities: readonly IdentityRow[];
  readonly issued: IssuedSession;
}

/** In the caller's transaction, which has looked at whether the person may. */
export async function signInByFlow(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  user: UserRow,
  way: {
    readonly method: string;
    readonly provider: string;
    /** What was shown in the browser; absent = `method` alone. */
    readonly proof?: FlowProof | undefined;
    /** The session ends then at the latest, milliseconds since the epoch; null = as it does. */
    readonly endsAtMs?: number | null;
  },
): Promise<SignedIn> {
  const now = state.now();
  const endsAt = way.endsAtMs == null ? null : new Date(way.endsAtMs);
  const options = { ...way.proof, endsAt };
  const issued = await startSession(state, store, caller, user.id, way.method, options);
  const patched = await store.updateUser(user.id, { last_sign_in_at: now, updated_at: now });
  await store.touchIdentity(user.id, way.provider, now);
  await audit(state, store, caller, actorOf(user), "login", { provider: way.provider });
  return { user: patched ?? user, identities: await store.identitiesOf([user.id]), issued };
}
