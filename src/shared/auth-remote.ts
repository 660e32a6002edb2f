/**
 * AuthClient for servers whose auth runs elsewhere (`[auth] url`). Tokens are verified here, with the
 * same code as there, by the keys that server publishes; opaque keys are asked about and the answer
 * kept for a short time. What that server refuses is refused here in the same words.
 */
import { createHash } from "node:crypto";
import { coreErrors, ReactorError } from "../core/errors.ts";
import { isPermission } from "../core/permissions.ts";
import type { AuthClient, Credentials, Principal } from "../core/ports/auth.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Logger } from "../core/ports/log.ts";
import type { TenantCtx } from "../core/tenant.ts";
import { createAuthenticator } from "./auth/create-authenticator.ts";
import { type AskOptions, askRemote, type Fetch } from "./auth/remote-answer.ts";
import { RemoteKeys } from "./auth/remote-keys.ts";
import { createTokenVerifier, type TokenVerifier } from "./auth/verify-token.ts";
import { LruMap } from "./lru-map.ts";
import { PerTenant } from "./per-tenant.ts";

export interface AuthRemoteOptions {
  /** Origin of the server with auth, without a path: `http://10.0.0.5:8080`. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: the global one. */
  readonly fetch?: Fetch;
}

/** How long a revoked project key may still be honoured here. */
const KEY_CACHE_MS = 30_000;
/** How long somebody who was removed from an organisation may still act in it here. */
const ORG_CACHE_MS = 900;
const KEY_CACHE_MAX = 1_000;
const HEADER_LENGTH_MAX = 512;

interface RemoteState {
  readonly tokens: TokenVerifier;
  /** By the hash of the credential and the organisation asked for. */
  readonly verified: LruMap<string, { readonly principal: Principal; readonly until: number }>;
}

/** A credential as it was sent. */
interface Sent {
  readonly header: "authorization" | "apikey";
  readonly value: string;
  readonly org: string | null;
  readonly asked?: Pick<Credentials, "rechecks" | "action">;
}

export function createAuthRemote(options: AuthRemoteOptions): AuthClient {
  const { clock, log } = options;
  const ask: AskOptions = { fetch: options.fetch ?? ((url, init) => fetch(url, init)), clock, log };
  const base = `${options.url.replace(/\/+$/, "")}/auth/v1`;
  const states = new PerTenant((): RemoteState => {
    const keys = new RemoteKeys(ask, base);
    const key = (kid: string) => keys.key(kid);
    const tokens = createTokenVerifier({ key, issuer: () => keys.issuer(), clock });
    return { tokens, verified: new LruMap(KEY_CACHE_MAX) };
  });
  const askAbout = (tenant: TenantCtx, sent: Sent, keepMaxMs: number) => {
    // What is true of one request is not kept for the next.
    if (sent.asked?.action) return askWho(ask, base, sent);
    const { verified } = states.of(tenant);
    const name = createHash("sha256")
      .update(`${keepMaxMs}\0${sent.org ?? ""}\0${sent.value}`)
      .digest("base64");
    const known = verified.get(name);
    if (known && isFresh(clock, known)) return known.principal;
    const askedAt = clock.monotonic();
    return askWho(ask, base, sent).then((principal) => {
      const keepMs = Math.min(principal.keepMs ?? keepMaxMs, keepMaxMs);
      verified.set(name, { principal, until: askedAt + keepMs });
      return principal;
    });
  };
  return createAuthenticator({
    // A shared secret stays where it is configured: whose its token is, is asked there.
    verifyToken: (tenant, value) =>
      isSymmetric(value)
        ? askAbout(tenant, { header: "authorization", value, org: null }, KEY_CACHE_MS)
        : states.of(tenant).tokens.verify(value),
    verifyKey: (tenant, value, header, asked) => {
      // An approval cannot be asked about twice: at once in the organisation that `actIn` would ask for.
      const org = asked.action ? (asked.org ?? null) : null;
      return askAbout(tenant, { header, value, org, asked }, KEY_CACHE_MS);
    },
    actIn(tenant, principal, { bearer, apikey, org = null, rechecks = false, action = null }) {
      if (org === null && !isMember(principal)) return principal;
      if (action && principal.keyId !== undefined) return principal;
      const value = bearer ?? apikey;
      if (value === null) throw coreErrors.org_forbidden();
      const header = bearer === null ? "apikey" : "authorization";
      const asked = askAbout(tenant, { header, value, org, asked: { rechecks } }, ORG_CACHE_MS);
      if (org !== null || !(asked instanceof Promise)) return asked;
      return asked.catch((error: unknown) => {
        // What the token says is better than nothing while the other server is away.
        if (error instanceof ReactorError && error.status === 503) return principal;
        throw error;
      });
    },
  });
}

/** What a token says of itself; the answer only decides who looks at it. */
function isSymmetric(token: string): boolean {
  const header = token.slice(0, Math.min(token.indexOf("."), HEADER_LENGTH_MAX));
  return Buffer.from(header, "base64url").includes('"HS256"');
}

/** A person whose token names an organisation: there it is known whether that still holds. */
function isMember({ userId, keyId, claims }: Principal): boolean {
  return userId !== null && keyId === undefined && claims.includes('"org_id":');
}

function isFresh(clock: Clock, { principal, until }: { principal: Principal; until: number }) {
  return clock.monotonic() < until && clock.now() < principal.expiresAt;
}

/** `POST /auth/v1/_verify` with the credential as it was sent. */
async function askWho(ask: AskOptions, base: string, { header, value, org, asked = {} }: Sent) {
  const headers = {
    [header]: header === "authorization" ? `Bearer ${value}` : value,
    ...(org === null ? {} : { "x-reactor-org": org }),
    ...(asked.rechecks ? { "x-reactor-recheck": "true" } : {}),
  };
  const body = asked.action ? { body: JSON.stringify({ action: asked.action }) } : {};
  const init = { method: "POST", headers, ...body };
  return readPrincipal(await askRemote(ask, `${base}/_verify`, init));
}

/** Strict: a scope that is not read would be a key without limits. */
function readPrincipal(answer: Record<string, unknown>): Principal {
  const { role, user_id: userId, claims, expires_at: expiresAt } = answer;
  const { scopes = null, key_id: keyId = null, keep_ms: keepMs = null } = answer;
  const wellFormed =
    typeof role === "string" &&
    typeof claims === "string" &&
    (userId === null || typeof userId === "string") &&
    (expiresAt === null || typeof expiresAt === "number") &&
    (scopes === null || (Array.isArray(scopes) && scopes.every(isPermission))) &&
    (keyId === null || typeof keyId === "string") &&
    (keepMs === null || typeof keepMs === "number");
  if (!wellFormed) {
    throw coreErrors.unavailable("Authentication", new Error("_verify answered in another form"));
  }
  return {
    ...{ role, userId, claims, expiresAt: expiresAt ?? Number.POSITIVE_INFINITY },
    ...(scopes === null ? {} : { scopes }),
    ...(keyId === null ? {} : { keyId }),
    ...(keepMs === null ? {} : { keepMs }),
  };
}
