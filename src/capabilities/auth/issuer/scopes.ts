/** Scopes: which there are, and how many of those asked for are granted (RFC 6749 §3.3). */
import { isPermission, covers as permissionCovers } from "../../../core/permissions.ts";
import type { AuthConfig } from "../config.ts";
import { oauthErrors } from "./errors.ts";
import type { ClientRow } from "./schema.ts";

/** OpenID Connect Core §5.4 and §11; `address` is left out, since no account has one. */
const STANDARD_SCOPES = ["openid", "profile", "email", "phone", "offline_access"];

export function knownScopes(config: AuthConfig): readonly string[] {
  return [...new Set([...STANDARD_SCOPES, ...config.oauth_server.scopes])];
}

/** The scopes of a request or a row, each once, in order. */
export function parseScopes(text: string): string[] {
  return [...new Set(text.split(" ").filter((scope) => scope !== ""))];
}

export function covers(granted: string, wanted: string): boolean {
  const known = parseScopes(granted);
  return parseScopes(wanted).every((scope) => isWithin(scope, known));
}

/** By name; a permission also within a wider one: `data:notes:read` in `data:*:read`. */
export function isWithin(scope: string, granted: readonly string[]): boolean {
  if (granted.includes(scope)) return true;
  return isPermission(scope) && permissionCovers(granted.filter(isPermission), scope);
}

/**
 * Whether tokens for these scopes are limited by them in the data API and functions: the claim
 * `scoped`, which `shared/auth/verify-token.ts` reads.
 */
export function isLimited(config: AuthConfig, scope: string): boolean {
  return config.oauth_server.enforce_scopes || parseScopes(scope).some(isPermission);
}

/**
 * What a request of this client is for. Scopes not known here, or beyond what the client was
 * registered for, are left out (OpenID Connect Core §3.1.2.1); the answer tells which were granted.
 * @param fallback used when the request names none.
 * @throws invalid_scope when nothing is left.
 */
export function grantableScope(
  config: AuthConfig,
  client: ClientRow,
  requested: string,
  fallback: string,
): string {
  const known = knownScopes(config);
  const ceiling = client.scope === null ? known : parseScopes(client.scope);
  const wanted = parseScopes(requested === "" ? fallback : requested);
  const granted = wanted.filter((scope) => isWithin(scope, known) && isWithin(scope, ceiling));
  if (granted.length === 0) {
    throw oauthErrors.invalid_scope("None of the scopes can be granted to this client");
  }
  return granted.join(" ");
}
