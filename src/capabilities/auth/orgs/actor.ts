/**
 * Who works on an organisation: one of its people, or the project's own server, which may do
 * everything in each. API keys are not among them.
 */
import { contextOf } from "../../../core/context.ts";
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { requireAal2 } from "../factors/aal.ts";
import { serviceCaller, userCaller } from "../http/caller.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { refuseImpersonated } from "../sessions/impersonation.ts";

export interface OrgActor {
  readonly caller: Caller;
  /** Null: the project's secret key. */
  readonly person: CurrentUser | null;
}

/** @throws no_authorization, bad_jwt, session_not_found, impersonation_not_allowed,
 *   over_request_rate_limit */
export async function orgActor(state: AuthState, request: Request): Promise<OrgActor> {
  // A token that does not verify is refused in the words of `userCaller`.
  const isService = await Promise.resolve()
    .then(() => contextOf(request).principal())
    .then(
      ({ role, userId }) => role === "service_role" && userId === null,
      () => false,
    );
  if (isService) return { caller: await serviceCaller(request), person: null };
  const [caller, person] = await userCaller(state, request);
  // Support that acts as somebody sees what they see, and leaves itself no way back.
  if (request.method !== "GET") refuseImpersonated(person.session);
  await limitByIdentity(state, caller, "orgs", person.user.id, state.config.rate_limit_orgs);
  return { caller, person };
}

export const userIdOf = ({ person }: OrgActor) => person?.user.id ?? null;

/** Before what cannot be undone or gives power away. @throws insufficient_aal */
export function requireStrong(state: AuthState, { person }: OrgActor): void {
  if (person) requireAal2(state, person);
}
