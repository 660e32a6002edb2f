/**
 * Why somebody came to the pages: to go back to one of our own addresses (`return_to`), or on to an
 * app (`redirect_to`, hosted login). It travels from page to page in the query, and is checked again
 * by each, so nothing a stranger writes there can send people elsewhere.
 */

export interface Errand {
  /** A path of ours with its query; null = none. */
  readonly returnTo: string | null;
}

const HOME = "/auth/ui/account";

/** Where `return_to` may lead: our pages, and the way back into an authorization request. */
const LOCAL = /^\/auth\/(?:ui\/[a-z][a-z0-9/-]*|v1\/oauth\/authorize)$/;
const PATH_MAX = 8192;

export function readErrand(url: URL): Errand {
  return { returnTo: localPath(url.searchParams.get("return_to")) };
}

/** The path in normal form, or null: what is not plainly ours is dropped, not followed. */
function localPath(text: string | null): string | null {
  if (text === null || text.length > PATH_MAX || !/^\/auth\//.test(text)) return null;
  // Control characters and backslashes are read differently by browsers and by `new URL`.
  if (/[\u0000-\u0020\\]/.test(text)) return null;
  const base = "http://localhost";
  if (!URL.canParse(text, base)) return null;
  const url = new URL(text, base);
  return url.origin === base && LOCAL.test(url.pathname) ? `${url.pathname}${url.search}` : null;
}

/** The address of another page on the same errand. */
export function pagePath(path: string, errand: Errand): string {
  if (errand.returnTo === null) return path;
  return `${path}?${new URLSearchParams({ return_to: errand.returnTo })}`;
}

/** Where somebody goes who has signed in. */
export function destinationOf(errand: Errand): string {
  return errand.returnTo ?? HOME;
}
