/**
 * Why somebody came to the pages: to go back to one of our own addresses (`return_to`), or on to an
 * app that has its sign-in done here (`redirect_to` with a PKCE challenge). It travels from page to
 * page in the query, and each page checks it again, so nothing that a stranger writes there can send
 * people elsewhere.
 */

/** An app's hosted login, as it was asked for; checked when it ends (`entry/continue.ts`). */
export interface HostedLogin {
  readonly redirectTo: string;
  readonly codeChallenge: string;
  readonly codeChallengeMethod: string;
  /** The app's own word, given back to it. */
  readonly state: string;
}

export interface Errand {
  /** A path of ours with its query; null = none. */
  readonly returnTo: string | null;
  /** Null = none. */
  readonly login: HostedLogin | null;
}

export const HOME = "/auth/ui/account";

/** Where `return_to` may lead: our pages, and the way back into an authorization request. */
const LOCAL = /^\/auth\/(?:ui\/[a-z][a-z0-9/-]*|v1\/oauth\/authorize)$/;
const PATH_MAX = 8192;
const TEXT_MAX = 2048;

export function readErrand(query: URLSearchParams): Errand {
  const text = (name: string) => (query.get(name) ?? "").slice(0, TEXT_MAX);
  const redirectTo = text("redirect_to");
  const login = {
    redirectTo,
    codeChallenge: text("code_challenge"),
    codeChallengeMethod: text("code_challenge_method"),
    state: text("state"),
  };
  return {
    returnTo: localPath(query.get("return_to")),
    login: redirectTo === "" ? null : login,
  };
}

/** The path in normal form, or null: what is not plainly ours is dropped, not followed. */
export function localPath(text: string | null): string | null {
  if (text === null || text.length > PATH_MAX || !text.startsWith("/auth/")) return null;
  // Control characters and backslashes are read differently by browsers and by `new URL`.
  if (/[\u0000-\u0020\\]/.test(text)) return null;
  const base = "http://localhost";
  if (!URL.canParse(text, base)) return null;
  const url = new URL(text, base);
  return url.origin === base && LOCAL.test(url.pathname) ? `${url.pathname}${url.search}` : null;
}

/** The address of another page on the same errand. */
export function pagePath(
  path: string,
  { returnTo, login }: Errand,
  more: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams(more);
  if (returnTo !== null) query.set("return_to", returnTo);
  if (login) {
    query.set("redirect_to", login.redirectTo);
    query.set("code_challenge", login.codeChallenge);
    query.set("code_challenge_method", login.codeChallengeMethod);
    if (login.state !== "") query.set("state", login.state);
  }
  return query.size === 0 ? path : `${path}?${query}`;
}

/** The page that takes who has signed in on: to the second factor, or to where they wanted to go. */
export const continuePath = (errand: Errand) => pagePath("/auth/ui/continue", errand);
