/**
 * `X-Reactor-Org` where nothing but the credential says in which organisation its holder is: the one
 * its claims name, or none. A header that names another is refused, never overlooked.
 */
import { coreErrors } from "../../core/errors.ts";
import type { Principal } from "../../core/ports/auth.ts";

/** The principal, when its own organisation is the one asked for. @throws org_forbidden */
export function actInClaimedOrg(principal: Principal, org: string): Principal {
  const { org_id: id, org_slug: slug } = JSON.parse(principal.claims) as Record<string, unknown>;
  const wanted = org.toLowerCase();
  if (typeof id === "string" && (id === wanted || slug === wanted)) return principal;
  throw coreErrors.org_forbidden();
}
