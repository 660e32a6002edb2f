/** RFC 8707: which resource a token is for, and what that makes of its audience. */
import type { AuthConfig } from "../config.ts";
import { oauthErrors } from "./errors.ts";
import { baseOf } from "./issuer-address.ts";

/** What every part of Reactor asks of a token's audience. */
const HERE = "authenticated";

/**
 * The resource of a request; null when it names none. It is something on this server (an MCP server
 * that runs as a function, say) or one of those that the operator named.
 * @throws invalid_target
 */
export function readResource(config: AuthConfig, issuer: string, sent: string): string | null {
  if (sent === "") return null;
  const url = URL.parse(sent);
  if (!url || sent.includes("#"))
    throw oauthErrors.invalid_target("resource is not an absolute URI");
  if (!isHere(sent, issuer) && !config.oauth_server.resources.includes(sent)) {
    throw oauthErrors.invalid_target("resource is not known here");
  }
  return sent;
}

/**
 * The audience of a token for this resource. A token for another server is not one for this: who
 * receives it there could use it here.
 */
export function audienceOf(resource: string | null, issuer: string): string | string[] {
  if (resource === null) return HERE;
  return isHere(resource, issuer) ? [HERE, resource] : resource;
}

function isHere(resource: string, issuer: string): boolean {
  return URL.parse(resource)?.origin === new URL(baseOf(issuer)).origin;
}
