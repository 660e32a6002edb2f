/**
 * Where a client may have people sent back to: which addresses can be registered, and whether the
 * one of a request is among them. Compared as text, never as a pattern (RFC 9700 §2.1); the port of
 * a loopback address alone is free, since a native app takes what it gets (RFC 8252 §7.3).
 */

export const REDIRECT_URIS_MAX = 10;
const LENGTH_MAX = 2048;
/** `localhost` may be another machine's by its resolver, but what registers itself uses it. */
const LOOPBACK_HOSTS = new Set(["127.0.0.1", "[::1]", "localhost"]);
const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::(\d{1,5}))?(\/.*)$/;
const SCHEME = /^[a-z][a-z0-9+.-]*$/;

/** Null when `uri` may be registered, else what is wrong with it. */
export function redirectUriFault(uri: string, schemes: readonly string[]): string | null {
  if (uri.length > LENGTH_MAX) return "is too long";
  const url = URL.parse(uri);
  if (!url) return "is not an absolute URI";
  // One spelling: what two parsers could read differently cannot be registered.
  if (url.href !== uri && url.href !== `${uri}/`) return "is not in its normal form";
  if (uri.includes("#")) return "has a fragment";
  if (url.username !== "" || url.password !== "") return "has a user name";
  if (/%2e|%5c/i.test(uri)) return "hides a dot or a backslash";
  const scheme = url.protocol.slice(0, -1);
  if (scheme === "https") return null;
  if (scheme === "http") {
    return LOOPBACK_HOSTS.has(url.hostname) ? null : "uses http for another machine";
  }
  return isPrivateScheme(scheme, schemes) ? null : `has the scheme ${scheme}, which is not allowed`;
}

/** RFC 8252 §7.1: a domain name turned round, or one that the operator named. */
function isPrivateScheme(scheme: string, schemes: readonly string[]): boolean {
  if (!SCHEME.test(scheme)) return false;
  return scheme.includes(".") || schemes.includes(scheme);
}

/** True when `uri` is one of the client's. */
export function isRegistered(uri: string, registered: readonly string[]): boolean {
  if (registered.includes(uri)) return true;
  const sent = withoutPort(uri);
  return sent !== null && registered.some((known) => withoutPort(known) === sent);
}

/** A loopback address without its port; null for anything else. */
function withoutPort(uri: string): string | null {
  const [, origin, port, rest] = LOOPBACK.exec(uri) ?? [];
  if (origin === undefined || rest === undefined || Number(port ?? 80) > 65_535) return null;
  return rest.includes("#") || URL.parse(uri) === null ? null : origin + rest;
}

/**
 * True when the address proves who answers there, so that a decision may be repeated without asking
 * (RFC 8252 §8.6): any app of a machine can listen on its loopback, or claim a scheme.
 */
export function provesIdentity(uri: string): boolean {
  return uri.startsWith("https:");
}
