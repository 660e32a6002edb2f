/**
 * Who calls an OAuth endpoint, for limits and rows: clients prove themselves in OAuth's own way, so
 * the credentials of Reactor are not looked at and nobody is exempt from a limit.
 */
import { contextOf } from "../../../core/context.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";

/** @throws feature_disabled */
export function oauthCaller(state: AuthState, request: Request): Caller {
  requireOAuthServer(state);
  const { tenant, address, log } = contextOf(request);
  const userAgent = request.headers.get("user-agent");
  return { tenant, address, userAgent, log, isService: false };
}

/** @throws feature_disabled when `auth.oauth_server.enabled` is false. */
export function requireOAuthServer(state: AuthState): void {
  if (!state.config.oauth_server.enabled) throw authErrors.feature_disabled("The OAuth server");
}
