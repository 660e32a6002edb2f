/**
 * Whether a request was made on this machine by something that is not a browser page. A request
 * with forwarded headers came from elsewhere, whatever its socket says.
 */
import type { RequestContext } from "../core/context.ts";

const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
const LOOPBACK = /^(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|::ffff:127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;

/** True on a loopback TCP socket without forwarded headers; never on the children's Unix socket. */
export function isLocal(context: RequestContext, headers: Headers): boolean {
  return LOOPBACK.test(context.peer) && !FORWARDED.some((name) => headers.has(name));
}

/** True when a browser page of some origin sent it (Fetch metadata, W3C). */
export function isFromBrowser(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  return headers.has("origin") || (site !== null && site !== "none");
}
