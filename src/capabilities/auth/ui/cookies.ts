/**
 * The cookies of the pages and of sign-ins through others. On https they carry the `__Host-` prefix (RFC 6265bis §4.1.3.2), so
 * that no other host or path can plant them; on plain http, where browsers refuse that prefix, they
 * have their plain names. A name is never read on the other scheme.
 */
import type { BrowserOrigin } from "./browser-origin.ts";

export type CookieName =
  | "reactor-session"
  | "reactor-browser"
  | "reactor-oauth"
  | "reactor-verifier";

/** 32 random bytes as base64url. */
const VALUE = /^[A-Za-z0-9_-]{43}$/;

const fullName = (name: CookieName, { isSecure }: BrowserOrigin) =>
  isSecure ? `__Host-${name}` : name;

/** Null when it is absent, was sent twice or cannot be ours. */
export function readCookie(
  request: Request,
  origin: BrowserOrigin,
  name: CookieName,
): string | null {
  const wanted = fullName(name, origin);
  const found = (request.headers.get("cookie") ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${wanted}=`))
    .map((pair) => pair.slice(wanted.length + 1));
  const [value = ""] = found;
  return found.length === 1 && VALUE.test(value) ? value : null;
}

/** @param maxAgeS 0 removes it. */
export function setCookie(
  origin: BrowserOrigin,
  name: CookieName,
  value: string,
  maxAgeS: number,
): string {
  // Lax: an app or a mail sends people here by a link, and they are still signed in.
  const rules = `Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax`;
  return `${fullName(name, origin)}=${value}; ${rules}${origin.isSecure ? "; Secure" : ""}`;
}
