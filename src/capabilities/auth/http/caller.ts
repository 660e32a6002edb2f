/**
 * From a request to who calls, in the four strengths the routes need: anybody, anybody whatever
 * their bearer token, a signed-in person, the project's own server.
 */
import { contextOf, type RequestContext } from "../../../core/context.ts";
import { ReactorError } from "../../../core/errors.ts";
import type { Principal } from "../../../core/ports/auth.ts";
import { requireUnscoped } from "../../../shared/auth/require-unscoped.ts";
import { type CurrentUser, findCurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";

const SERVICE = "service_role";

/** Anybody; a credential that was sent must be good. @throws bad_jwt */
export async function anyCaller(request: Request): Promise<Caller> {
  return callerOf(request, await named(() => contextOf(request).principal()));
}

/**
 * Anybody, whatever bearer token they hold: a client that refreshes has an expired one. A bad
 * `apikey` is refused. @throws bad_jwt
 */
export async function openCaller(state: AuthState, request: Request): Promise<Caller> {
  const { tenant } = contextOf(request);
  const credentials = { bearer: null, apikey: request.headers.get("apikey") };
  return callerOf(request, await named(() => state.client.authenticate(tenant, credentials)));
}

/**
 * A signed-in person whose session stands, by their own token. What an OAuth client was given for
 * them counts only where `by` is `delegated`: it must not manage the account, nor grant itself more.
 * @throws no_authorization, bad_jwt, session_not_found, insufficient_scope
 */
export async function userCaller(
  state: AuthState,
  request: Request,
  by: "person" | "delegated" = "person",
): Promise<[Caller, CurrentUser]> {
  const context = contextOf(request);
  const prove = () => (by === "person" ? context.principal() : clientToo(context));
  const principal = await named(prove);
  requireAuthorization(request, principal);
  const caller = callerOf(request, principal);
  const current = await findCurrentUser(state, caller, principal);
  if (current.delegated && by === "person") throw authErrors.insufficient_scope();
  return [caller, current];
}

/** An OAuth client's token, whatever its scopes; API keys with scopes are refused as everywhere. */
async function clientToo(context: RequestContext): Promise<Principal> {
  const principal = await context.scopedPrincipal();
  return principal.keyId === undefined ? principal : requireUnscoped(principal);
}

/** The secret key. @throws no_authorization, bad_jwt, not_admin */
export async function serviceCaller(request: Request): Promise<Caller> {
  const principal = await named(() => contextOf(request).principal());
  requireAuthorization(request, principal);
  if (principal.role !== SERVICE) throw authErrors.not_admin();
  return callerOf(request, principal);
}

function requireAuthorization(request: Request, principal: Principal): void {
  const { headers } = request;
  const sent = headers.get("authorization") ?? headers.get("apikey");
  if (principal.userId === null && sent === null) throw authErrors.no_authorization();
}

function callerOf(request: Request, principal: Principal): Caller {
  const { tenant, address, log, origin } = contextOf(request);
  const userAgent = request.headers.get("user-agent");
  return { tenant, address, userAgent, origin, log, isService: principal.role === SERVICE };
}

/** GoTrue's code for a credential that does not verify. */
async function named(authenticate: () => Promise<Principal> | Principal): Promise<Principal> {
  try {
    return await authenticate();
  } catch (error) {
    if (error instanceof ReactorError && error.code === "bad_credential") {
      throw authErrors.bad_jwt(error.details ?? error.message, error);
    }
    throw error;
  }
}
