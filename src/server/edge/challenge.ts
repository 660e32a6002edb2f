/**
 * Tells who was refused by a function where tokens for it are to be had (RFC 9728 §5.1): what an MCP
 * client begins its login with. Only for functions, which may be MCP servers; what the data API
 * answers is PostgREST's to the byte.
 */
import type { RequestContext } from "../../core/context.ts";

/** Adds to the challenge of a 401 for `context`, when there is a bearer challenge without it. */
export type Challenge = (
  context: Pick<RequestContext, "origin" | "originalPath" | "path">,
  response: Response,
) => void;

const FUNCTIONS = "/fn/v1/";
/** Wants the secret key, which no login gives. */
const ADMIN = "/fn/v1/_admin";
const WELL_KNOWN = "/.well-known/oauth-protected-resource";
/** What stays a token or a quoted string in the header whatever the path holds. */
const PLAIN_PATH = /^[\w\-./~%:@!$&'()*+,;=]+$/;

/** @param publicUrl without a trailing slash; "" = the address by which the client reached us. */
export function createChallenge(publicUrl: string): Challenge {
  return ({ origin, originalPath, path }, response) => {
    if (response.status !== 401 || !path.startsWith(FUNCTIONS) || path.startsWith(ADMIN)) return;
    const value = response.headers.get("www-authenticate");
    if (value === null || !/^bearer\b/i.test(value) || /resource_metadata/i.test(value)) return;
    if (!PLAIN_PATH.test(originalPath)) return;
    const url = `${publicUrl || origin}${WELL_KNOWN}${originalPath}`;
    const comma = /^bearer\s*$/i.test(value) ? "" : ",";
    response.headers.set("WWW-Authenticate", `${value}${comma} resource_metadata="${url}"`);
  };
}
