/**
 * Who passkeys and security keys are made for (WebAuthn Level 3 §5.4.2, §13.4.9): a domain, and the
 * pages that may use them. Both come from the settings, never from a request, because a request says
 * what its sender likes. Only on the machine itself, while nothing is configured, is `localhost` the
 * domain and every port of it a page.
 */
import { isIP } from "node:net";
import type { AuthState, Caller } from "../auth-state.ts";

export interface RelyingParty {
  /** A domain. */
  readonly id: string;
  /** What authenticators show. */
  readonly name: string;
  /** Exact; `origin` as browsers write it. */
  acceptsOrigin(origin: string): boolean;
}

const LOOPBACK_NAME = /^(?:[a-z0-9-]+\.)*localhost$/;

/** Null when no domain is known: authenticators know no addresses. */
export function relyingParty(state: AuthState, caller: Caller): RelyingParty | null {
  const { config } = state;
  const site = siteOf(state);
  const host = config.webauthn_rp_id || site?.hostname || loopbackOf(caller);
  if (!host || isIP(host.replace(/^\[|\]$/g, "")) !== 0) return null;
  const id = host.toLowerCase();
  return { id, name: config.webauthn_rp_name || id, acceptsOrigin: originsOf(state, id, site) };
}

function originsOf({ config }: AuthState, id: string, site: URL | null) {
  const { webauthn_origins: listed } = config;
  if (listed.length > 0) return (origin: string) => listed.includes(origin);
  if (site) return (origin: string) => origin === site.origin;
  return (origin: string) => LOOPBACK_NAME.test(id) && isPageOf(id, origin);
}

/** Any port of that very name. */
function isPageOf(name: string, origin: string): boolean {
  const url = URL.parse(origin);
  return url !== null && url.hostname === name && url.origin === origin;
}

/** The app's own address. */
function siteOf({ config, deps }: AuthState): URL | null {
  return URL.parse(config.site_url || deps.server.publicUrl);
}

function loopbackOf({ origin = "" }: Caller): string | null {
  const host = URL.parse(origin)?.hostname ?? "";
  return LOOPBACK_NAME.test(host) ? host : null;
}

/** What apps show beside a code: the host of the app, as GoTrue names the issuer. */
export function siteName(state: AuthState, { origin = "" }: Caller): string {
  return (siteOf(state) ?? URL.parse(origin))?.host || "Reactor";
}
