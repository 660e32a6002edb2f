/**
 * Whether a request was made on this machine by something that is not a browser page. A request
 * with forwarded headers came from elsewhere, whatever its socket says.
 */
import type { RequestContext } from "./context.ts";

const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
const LOOPBACK = /^(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|::ffff:127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;

/** True on a loopback TCP socket without forwarded headers; never on the children's Unix socket. */
export function isLocal(context: RequestContext, headers: Headers): boolean {
  return LOOPBACK.test(context.peer) && !FORWARDED.some((name) => headers.has(name));
}

const LOOPBACK_HOST =
  /^(?:(?:[a-z0-9-]+\.)*localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i;

/**
 * True when the request calls this machine by a name that nobody else can own. A page whose own name
 * was pointed at 127.0.0.1 (DNS rebinding) is same-origin to its browser, which then sends neither
 * Origin nor, over plain HTTP, Fetch metadata: the Host is all that gives it away.
 */
export function namesLoopback(headers: Headers): boolean {
  return LOOPBACK_HOST.test(headers.get("host") ?? "");
}

/** True for an `Origin` that is a page of this machine, or of the host the request itself names. */
export function isNearOrigin(origin: string, headers: Headers): boolean {
  const host = URL.parse(origin)?.host;
  return host !== undefined && (LOOPBACK_HOST.test(host) || host === headers.get("host"));
}

/** True when a browser page of some origin sent it (Fetch metadata, W3C). */
export function isFromBrowser(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  return headers.has("origin") || (site !== null && site !== "none");
}
