/** When a session ends by itself: one reckoning for refreshing, for `/user` and for whoever asks. */
import type { AuthState } from "../auth-state.ts";
import type { SessionRow } from "../schema.ts";

type Life = Pick<SessionRow, "created_at" | "refreshed_at" | "not_after">;

/**
 * The earlier of its time box and of the end that want of use brings; null = never. The settings of
 * today hold for sessions of before too, so that a shorter box takes effect at once.
 */
function sessionEnd(state: AuthState, session: Life): Date | null {
  const { session_timebox_s: boxS, session_inactivity_s: idleS } = state.config;
  const ends = [session.not_after?.getTime() ?? Infinity];
  if (boxS > 0) ends.push(session.created_at.getTime() + boxS * 1000);
  if (idleS > 0) {
    ends.push((session.refreshed_at ?? session.created_at).getTime() + idleS * 1000);
  }
  const end = Math.min(...ends);
  return end === Infinity ? null : new Date(end);
}

/** True for one that was revoked or has run out. */
export function hasEnded(
  state: AuthState,
  session: Life & Pick<SessionRow, "revoked_at">,
): boolean {
  return session.revoked_at !== null || hasRunOut(state, session);
}

/** True for one whose time is over, whether or not it was revoked. */
export function hasRunOut(state: AuthState, session: Life): boolean {
  const end = sessionEnd(state, session);
  return end !== null && end <= state.now();
}
