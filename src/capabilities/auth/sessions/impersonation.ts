/**
 * Sessions in which somebody acts as another person. They look, they do not take over: what would
 * let them stay, or lock the person out, is refused in them.
 */
import { authErrors } from "../errors.ts";
import type { SessionRow } from "../schema.ts";

/** `auth.sessions.tag`, and the method in `amr`. */
export const IMPERSONATION = "impersonation";

/** @throws impersonation_not_allowed */
export function refuseImpersonated(session: SessionRow | null): void {
  if (session?.tag === IMPERSONATION) throw authErrors.impersonation_not_allowed();
}
