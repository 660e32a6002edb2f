/**
 * By which address links in messages reach this server. Never simply the one of the request: who
 * asks for somebody else's mail chooses its `Host`, and would get the token of whoever follows the
 * link (CWE-640, host header poisoning).
 */
import type { AuthState, Caller } from "../auth-state.ts";

const LOOPBACK =
  /^https?:\/\/(?:(?:[a-z0-9-]+\.)*localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i;

/** `https://host/auth/v1`, or null when nothing that can be trusted names this server. */
export function linkBase(state: AuthState, { origin = "" }: Pick<Caller, "origin">): string | null {
  const { publicUrl } = state.deps.server;
  if (publicUrl !== "") return `${publicUrl}/auth/v1`;
  return LOOPBACK.test(origin) ? `${origin}/auth/v1` : null;
}
