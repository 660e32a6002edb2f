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
 * Whether a client that was granted these scopes is limited by them in the data API and functions:
 * the claim `scoped`, which `shared/auth/verify-token.ts` reads. One that was registered for
 * permissions always is: it does not come to more by asking for less.
 */
export function isLimited(
  config: AuthConfig,
  client: Pick<ClientRow, "scope">,
  granted: string,
): boolean {
  const all = parseScopes(`${granted} ${client.scope ?? ""}`);
  return config.oauth_server.enforce_scopes || all.some(isPermission);
}

/**
 * Whether who agreed to `agreed` need not be asked about `wanted`. Without a limit it was everything
 * that they may do themselves: no permission is beyond that, and no limited consent covers it.
 */
export function isCovered(
  config: AuthConfig,
  client: Pick<ClientRow, "scope">,
  agreed: string,
  wanted: string,
): boolean {
  if (isLimited(config, client, agreed)) {
    return isLimited(config, client, wanted) && covers(agreed, wanted);
  }
  return covers(agreed, withoutPermissions(parseScopes(wanted)));
}

/** What stands once `added` is agreed to beside `agreed`; "" = nothing before. */
export function agreedScope(
  config: AuthConfig,
  client: Pick<ClientRow, "scope">,
  agreed: string,
  added: string,
): string {
  const all = parseScopes(`${agreed} ${added}`);
  const isWhole = [agreed, added].some((one) => one !== "" && !isLimited(config, client, one));
  return isWhole ? withoutPermissions(all) : all.join(" ");
}

const withoutPermissions = (scopes: readonly string[]) =>
  scopes.filter((scope) => !isPermission(scope)).join(" ");

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
