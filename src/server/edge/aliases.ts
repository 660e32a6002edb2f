/**
 * Paths by which clients of other ecosystems know the same thing. Rewritten before routing; never a
 * second implementation.
 */
const ALIASES: readonly (readonly [from: string, to: string])[] = [
  ["/rest/v1", "/data/v1"],
  ["/functions/v1", "/fn/v1"],
  // Where clients look for `<issuer>` with its path put behind the well-known name (RFC 8414 §3.1),
  // with none, and for what protects a path of this server (RFC 9728 §3.1).
  [
    "/.well-known/oauth-authorization-server/auth/v1",
    "/auth/v1/.well-known/oauth-authorization-server",
  ],
  ["/.well-known/openid-configuration/auth/v1", "/auth/v1/.well-known/openid-configuration"],
  ["/.well-known/oauth-authorization-server", "/auth/v1/.well-known/oauth-authorization-server"],
  ["/.well-known/openid-configuration", "/auth/v1/.well-known/openid-configuration"],
  ["/.well-known/oauth-protected-resource", "/auth/v1/.well-known/oauth-protected-resource"],
];

/** The canonical path for `path`. */
export function canonicalPath(path: string): string {
  for (const [from, to] of ALIASES) {
    if (path.startsWith(from) && (path.length === from.length || path[from.length] === "/")) {
      return to + path.slice(from.length);
    }
  }
  return path;
}
