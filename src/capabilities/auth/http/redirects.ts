/**
 * Where a person may be sent after a link, a sign-in or a consent: only to the app and to what
 * `auth.redirect_urls` lists, because the address receives tokens or codes (RFC 9700 §2.1, §4.11).
 *
 * An entry without `*` is compared as a whole, query included. In a web address `*` stands for
 * letters, digits and hyphens within one label of the host (never in its last two), for any port
 * after the colon, or for anything but `/` and `?` within the path; `**` in the path stands for any
 * rest, query included. A loopback address without a port allows every port (RFC 8252 §7.3). Apps'
 * own schemes (`com.example.app:/callback`) are compared as text with the same `*` and `**`.
 */
import { contextOf } from "../../../core/context.ts";
import type { AuthState } from "../auth-state.ts";

const URL_MAX = 2048;
/** What parsers and browsers read differently: white space, control characters, backslashes. */
const AMBIGUOUS = /[\s\\\u0000-\u001f\u007f]/;
const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])$/;
const WEB = /^https?:$/;
const OWN_PAGE = "/auth/ui/callback";
const ENTRY =
  /^(?<scheme>https?:)\/\/(?<host>\[[0-9a-f:]+\]|[^/:?]+)(?::(?<port>\d+|\*))?(?<path>\/.*)?$/;

/**
 * The candidate as an absolute URL without its fragment when it is allowed; else the page the
 * request came from (`Referer`) when that is; else `auth.site_url`, or this server when there is
 * none. Ask again before a stored address is used: lists change.
 */
export function allowedRedirect(
  state: AuthState,
  request: Request,
  candidate: string | null,
): string {
  const site = siteUrl(state, request) ?? contextOf(request).origin;
  return ownPage(state, request, candidate) ?? choose(state, request, candidate, site) ?? site;
}

/** Sign-ins through others that begin on the ready pages come back there, whatever the app is. */
function ownPage(state: AuthState, request: Request, candidate: string | null): string | null {
  const { origin } = contextOf(request);
  const loopback = LOOPBACK.test(new URL(origin).hostname) ? origin : "";
  const own = URL.parse(state.deps.server.publicUrl || loopback);
  const url = parseTarget(candidate ?? "");
  const isOwn = own !== null && url?.origin === own.origin && url.pathname === OWN_PAGE;
  return isOwn ? url.href : null;
}

/**
 * The same for what goes into a mail: null where only the request itself says how this server is
 * called, because who asks for somebody else's mail chooses its `Host`.
 */
export function mailedRedirect(
  state: AuthState,
  request: Request,
  candidate: string | null,
): string | null {
  const site = siteUrl(state, request);
  return choose(state, request, candidate, site) ?? site;
}

function choose(state: AuthState, request: Request, candidate: string | null, site: string | null) {
  const origin = site === null ? null : new URL(site).origin;
  for (const text of [candidate, request.headers.get("referer")]) {
    const url = parseTarget(text ?? "");
    if (url && isAllowed(state, url, origin)) return url.href;
  }
  return null;
}

function siteUrl({ config, deps }: AuthState, request: Request): string | null {
  const { origin } = contextOf(request);
  const own = LOOPBACK.test(new URL(origin).hostname) ? origin : null;
  return config.site_url || deps.server.publicUrl || own;
}

/** Null for what is no address, or one that hides where it leads. */
function parseTarget(text: string): URL | null {
  if (text === "" || text.length > URL_MAX || AMBIGUOUS.test(text)) return null;
  const url = URL.parse(text);
  if (url?.username !== "" || url.password !== "") return null;
  url.hash = "";
  return url;
}

function isAllowed({ config, deps }: AuthState, url: URL, site: string | null): boolean {
  const isWeb = WEB.test(url.protocol);
  if (isWeb && url.origin === site) return true;
  if (isWeb && deps.server.development && LOOPBACK.test(url.hostname)) return true;
  return config.redirect_urls.some((entry) => matches(entry, url, isWeb));
}

function matches(entry: string, url: URL, isWeb: boolean): boolean {
  const parts = ENTRY.exec(entry)?.groups;
  if (!parts) return !isWeb && glob(entry).test(url.href);
  if (!isWeb || parts["scheme"] !== url.protocol) return false;
  const { host = "", path = "/" } = parts;
  return (
    hostPattern(host).test(url.hostname) &&
    isPortAllowed(parts["port"], host, url) &&
    glob(path).test(`${url.pathname}${url.search}`)
  );
}

function isPortAllowed(port: string | undefined, host: string, url: URL): boolean {
  if (port === "*" || (port === undefined && LOOPBACK.test(host))) return true;
  const standard = url.protocol === "https:" ? "443" : "80";
  return (port ?? standard) === (url.port || standard);
}

function hostPattern(host: string): RegExp {
  return new RegExp(`^${host.split("*").map(RegExp.escape).join("[a-z0-9-]+")}$`);
}

/** `*` never takes in an encoded slash, which a router behind may read as one. */
function glob(pattern: string): RegExp {
  const text = pattern
    .split(/(\*\*|\*)/)
    .map((part) => {
      if (part === "**") return ".*";
      return part === "*" ? "(?:(?!%2[fF]|%5[cC])[^/?])*" : RegExp.escape(part);
    })
    .join("");
  return new RegExp(`^${text}$`);
}
