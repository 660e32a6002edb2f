/**
 * By which address a browser knows this server. Behind a proxy that ends TLS the connection itself is
 * plain, so `server.public_url` (it is the issuer's address) decides for requests to its host.
 */
import { contextOf } from "../../../core/context.ts";
import type { AuthState } from "../auth-state.ts";

export interface BrowserOrigin {
  /** Scheme and authority, without a trailing slash. */
  readonly origin: string;
  /** https: cookies are `Secure` and carry the `__Host-` prefix. */
  readonly isSecure: boolean;
}

export async function browserOrigin(state: AuthState, request: Request): Promise<BrowserOrigin> {
  const { tenant, origin } = contextOf(request);
  const { issuer } = await state.deps.project(tenant);
  const seen = new URL(origin);
  const known = /^https?:/.test(issuer) ? new URL(issuer) : seen;
  const chosen = known.hostname === seen.hostname && known.protocol === "https:" ? known : seen;
  return { origin: chosen.origin, isSecure: chosen.protocol === "https:" };
}
