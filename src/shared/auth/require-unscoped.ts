/** The default for every route: an API key whose scopes nobody will ask about does not come in. */
import { coreErrors } from "../../core/errors.ts";
import type { Principal } from "../../core/ports/auth.ts";

/** @throws insufficient_scope */
export function requireUnscoped(principal: Principal): Principal {
  if (principal.scopes !== undefined) throw coreErrors.insufficient_scope(null);
  return principal;
}
