/**
 * Forms are taken only from our own pages. Two nets: what the browser itself says of where a request
 * comes from (Fetch Metadata; `Origin`, RFC 6454 §7), and a token that is an HMAC of two cookies
 * which no other site can read or plant, and so is different for each browser and each sign-in.
 */
import { timingSafeEqual } from "node:crypto";
import { contextOf } from "../../../core/context.ts";
import type { AuthState } from "../auth-state.ts";
import { type BrowserOrigin, browserOrigin } from "./browser-origin.ts";
import { readCookie, setCookie } from "./cookies.ts";
import { uiErrors } from "./errors.ts";

/** The form field. */
export const CSRF_FIELD = "csrf_token";

/** Browsers cut cookies to 400 days. */
const BROWSER_COOKIE_S = 400 * 86_400;

export interface Csrf {
  readonly token: string;
  /** `Set-Cookie` for a browser that comes for the first time; null = it has one. */
  readonly cookie: string | null;
}

/** The token to put into forms of this browser. */
export async function csrfFor(state: AuthState, request: Request): Promise<Csrf> {
  const origin = await browserOrigin(state, request);
  const known = readCookie(request, origin, "reactor-browser");
  const browser = known ?? Buffer.from(state.deps.rng.bytes(32)).toString("base64url");
  const token = await tokenOf(state, request, browser, origin);
  const fresh = () => setCookie(origin, "reactor-browser", browser, BROWSER_COOKIE_S);
  return { token, cookie: known === null ? fresh() : null };
}

/** @throws cross_site_request */
export async function checkCsrf(
  state: AuthState,
  request: Request,
  sent: string | null,
): Promise<void> {
  const origin = await browserOrigin(state, request);
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") throw uiErrors.cross_site_request();
  const from = request.headers.get("origin");
  if (from !== null && from !== origin.origin) throw uiErrors.cross_site_request();
  const browser = readCookie(request, origin, "reactor-browser");
  if (browser === null || sent === null) throw uiErrors.form_expired();
  const wanted = Buffer.from(await tokenOf(state, request, browser, origin));
  const got = Buffer.from(sent);
  if (got.length !== wanted.length || !timingSafeEqual(got, wanted)) {
    throw uiErrors.form_expired();
  }
}

async function tokenOf(
  state: AuthState,
  request: Request,
  browser: string,
  origin: BrowserOrigin,
): Promise<string> {
  const { secretKey } = await state.deps.project(contextOf(request).tenant);
  const session = readCookie(request, origin, "reactor-session") ?? "";
  const hmac = new Bun.CryptoHasher("sha256", secretKey);
  return hmac.update(`reactor.auth.ui.csrf:${browser}:${session}`).digest("base64url");
}
